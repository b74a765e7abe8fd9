"""What somebody must know of each kind of layer: rules by class, one a kind.

rules = RulesByLayer("bounds", "@fosc_tf.bounds.register(Class), see fosc_tf.bounds.layer_rules")
rules.file((keras.layers.Dense,), rule)
rules.of(layer)                            # rule, for a Dense and for no subclass of it
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fosc_tf.errors import UserError


class RulesByLayer:
    """Rules of one purpose.

    Args:
        who: needs them, as errors say it.
        how: to file another one, as errors say it.
    """

    def __init__(self, who: str, how: str) -> None:
        self._who, self._how = who, how
        self.by_class: dict[type, Callable[..., Any]] = {}
        self.filed = 0

    def file(self, kinds: Iterable[type], rule: Callable[..., Any]) -> None:
        """Files the rule of these classes, instead of an earlier one."""
        self.by_class.update(dict.fromkeys(kinds, rule))
        self.filed += 1

    def of(self, layer: Any) -> Callable[..., Any]:
        """Returns the rule of the layer's class; without one raises `UserError`."""
        rule = self.by_class.get(type(layer))
        if rule is None:
            raise UserError(
                f"{self._who} must know what each layer does",
                f"a rule: {self._how}; or one of "
                + ", ".join(sorted(kind.__name__ for kind in self.by_class)),
                f"layer {layer.name!r}, a {type(layer).__module__}.{type(layer).__name__}",
            )
        return rule

    def unknown_form(self, layer: Any, what: str, right: str) -> UserError:
        """Returns the error for a layer whose rule does not know `what` of it."""
        kind = type(layer).__name__
        return UserError(
            f"{self._who} must know this form of {kind}", right, f"{what} of {layer.name!r}"
        )

    def channels_last(self, layer: Any) -> None:
        """Raises `UserError` where the channels of a layer's images come first."""
        given, right = getattr(layer, "data_format", "channels_last"), "channels_last"
        if given != right:
            raise self.unknown_form(layer, f"data_format={given!r}", f'data_format="{right}"')
