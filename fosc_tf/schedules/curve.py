"""A schedule that says what it is, and from which epoch on it changes no more.

curve = Curve("switch", {"before": 1, "after": 10, "epoch": 5}, ends=5, of=function)
curve(step)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from fosc_tf.readable import one_line


@dataclasses.dataclass(frozen=True)
class Curve:
    """A pure function of the step with a name.

    Attributes:
        name: of the function that makes it.
        arguments: what that was given.
        ends: 0-based epoch from which on it says the same.
        of: the function, int64 scalar to scalar.
    """

    name: str
    arguments: dict[str, Any]
    ends: int
    of: Callable[[tf.Tensor], tf.Tensor]

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Returns its value at `step`."""
        return self.of(step)

    def __repr__(self) -> str:
        """Returns how it was made."""
        return one_line(self.name, self.arguments)

    __hash__ = object.__hash__
