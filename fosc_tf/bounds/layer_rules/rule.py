"""Who knows what a layer is to bounds: the rules that have been filed, one a kind of layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fosc_tf.bounds.primitives import Affine, Nonlinear
from fosc_tf.errors import UserError

Primitive = Affine | Nonlinear
Rule = Callable[[Any, Sequence[Sequence[int]]], list[Primitive]]
_RULES: dict[type, Rule] = {}
_filed: list[Rule] = []


def register(*kinds: type) -> Callable[[Rule], Rule]:
    """Returns a decorator that files the rule of these classes, and of no subclass of theirs.

    A rule takes a layer and the shapes of its inputs without the batch axis, and returns what the
    layer does, one thing after the other, of which the first alone may have several inputs. It
    reads weights when a primitive is asked for something, not before.
    """

    def file(rule: Rule) -> Rule:
        _RULES.update(dict.fromkeys(kinds, rule))
        _filed.append(rule)
        return rule

    return file


def version() -> int:
    """Returns a number that grows with each rule that is filed."""
    return len(_filed)


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
    rule = _RULES.get(type(layer))
    if rule is None:
        raise UserError(
            "bounds must know what each layer does",
            "a rule: @fosc_tf.bounds.register(Class), see fosc_tf.bounds.layer_rules; or one of "
            + ", ".join(sorted(kind.__name__ for kind in _RULES)),
            f"layer {layer.name!r}, a {type(layer).__module__}.{type(layer).__name__}",
        )
    return rule(layer, shapes)


def unknown_form(layer: Any, what: str, right: str) -> UserError:
    """Returns the error for a layer whose rule does not know `what` of it."""
    kind = type(layer).__name__
    return UserError(f"bounds must know this form of {kind}", right, f"{what} of {layer.name!r}")


def channels_last(layer: Any) -> None:
    """Raises `UserError` where the channels of a layer's images come first."""
    given, right = getattr(layer, "data_format", "channels_last"), "channels_last"
    if given != right:
        raise unknown_form(layer, f"data_format={given!r}", f'data_format="{right}"')
