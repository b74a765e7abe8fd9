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

from fosc_tf.errors import UserError
from fosc_tf.vnnlib.onnx_graph import OnnxGraph, Value

Rule = Callable[..., Value]
_RULES: dict[type, Rule] = {}
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
        _RULES.update(dict.fromkeys(kinds, rule))
        if takes_zeros:
            _TAKE_ZEROS.add(rule)
        return rule

    return file


def of_layer(graph: OnnxGraph, layer: Any, *values: Value) -> Value:
    """Adds what a layer does with `values` and returns the value that it gives.

    Raises:
        UserError: a layer without a rule, not in float32, or in a form that its rule does not know.
    """
    rule = _RULES.get(type(layer))
    if rule is None:
        raise UserError(
            "an ONNX file must say what each layer does",
            "a rule: @fosc_tf.vnnlib.register(Class), see fosc_tf.vnnlib.onnx_rule; or one of "
            + ", ".join(sorted(kind.__name__ for kind in _RULES)),
            f"layer {layer.name!r}, a {type(layer).__module__}.{type(layer).__name__}",
        )
    if layer.compute_dtype != "float32":
        raise unknown_form(layer, f"dtype={layer.compute_dtype!r}", 'dtype="float32"')
    order, right = getattr(layer, "data_format", "channels_last"), "channels_last"
    if order != right:
        raise unknown_form(layer, f"data_format={order!r}", f'data_format="{right}"')
    if rule not in _TAKE_ZEROS:
        values = tuple(map(graph.whole, values))
    return rule(graph, layer, *values)


def unknown_form(layer: Any, what: str, right: str) -> UserError:
    """Returns the error for a layer whose rule does not know `what` of it."""
    kind = type(layer).__name__
    return UserError(
        f"an ONNX file must know this form of {kind}", right, f"{what} of {layer.name!r}"
    )
