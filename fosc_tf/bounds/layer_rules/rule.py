"""Who knows what a layer is to bounds: the rules that have been filed, one a kind of layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fosc_tf.bounds.primitives import Affine, Nonlinear
from fosc_tf.errors import UserError
from fosc_tf.models.rules_by_layer import RulesByLayer

Primitive = Affine | Nonlinear
Rule = Callable[[Any, Sequence[Sequence[int]]], list[Primitive]]
_RULES = RulesByLayer("bounds", "@fosc_tf.bounds.register(Class), see fosc_tf.bounds.layer_rules")
unknown_form, channels_last = _RULES.unknown_form, _RULES.channels_last


def register(*kinds: type) -> Callable[[Rule], Rule]:
    """Returns a decorator that files the rule of these classes, and of no subclass of theirs.

    A rule takes a layer and the shapes of its inputs without the batch axis, and returns what the
    layer does, one thing after the other, of which the first alone may have several inputs. It
    reads weights when a primitive is asked for something, not before.
    """

    def file(rule: Rule) -> Rule:
        _RULES.file(kinds, rule)
        return rule

    return file


def version() -> int:
    """Returns a number that grows with each rule that is filed."""
    return _RULES.filed


def of_layer(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns what a layer does.

    Raises:
        UserError: a layer without a rule, or in a form that its rule does not know.
    """
    if "16" in str(getattr(layer, "compute_dtype", "")):
        raise UserError(
            "bounds are those of a network that computes in float32",
            'the same weights in a network made under keras.config.set_dtype_policy("float32")',
            f"layer {layer.name!r}, which computes in {layer.compute_dtype}",
        )
    return _RULES.of(layer)(layer, shapes)
