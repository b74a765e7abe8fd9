"""What each kind of layer is in ONNX: one rule a kind, and users may add their own.

    @register(MyScaling)
    def my_scaling(graph, layer, x):
        return graph.mapped("Mul", x, np.array(layer.factor))

The operators are those that verifiers read: a padded border stands in the attributes of a
convolution, a ReLU with a highest value is two ReLUs, a scale and shift of channels is a
BatchNormalization.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fosc_tf.models.rules_by_layer import RulesByLayer
from fosc_tf.vnnlib.onnx_graph import OnnxGraph, Value

Rule = Callable[..., Value]
_RULES = RulesByLayer(
    "an ONNX file", "@fosc_tf.vnnlib.register(Class), see fosc_tf.vnnlib.onnx_rule"
)
unknown_form = _RULES.unknown_form
_TAKE_ZEROS: set[Rule] = set()


def register(*kinds: type, takes_zeros: bool = False) -> Callable[[Rule], Rule]:
    """Returns a decorator that files the rule of these classes, and of no subclass of theirs.

    A rule takes an `OnnxGraph`, a layer and a `Value` for each of its inputs, and returns the
    `Value` of what the layer does in evaluation mode.

    Args:
        *kinds: classes of layers.
        takes_zeros: the rule sees to `Value.zeros` itself; else no value that it gets has any.
    """

    def file(rule: Rule) -> Rule:
        _RULES.file(kinds, rule)
        if takes_zeros:
            _TAKE_ZEROS.add(rule)
        return rule

    return file


def of_layer(graph: OnnxGraph, layer: Any, *values: Value) -> Value:
    """Adds what a layer does with `values` and returns the value that it gives.

    Raises:
        UserError: a layer without a rule, not in float32, or in a form that its rule does not know.
    """
    rule = _RULES.of(layer)
    if layer.compute_dtype != "float32":
        raise unknown_form(layer, f"dtype={layer.compute_dtype!r}", 'dtype="float32"')
    _RULES.channels_last(layer)
    if rule not in _TAKE_ZEROS:
        values = tuple(map(graph.whole, values))
    return rule(graph, layer, *values)
