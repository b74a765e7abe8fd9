"""Who may still climb: after each step a gate looks at where an example is and may stop it.

    attack = PGD(epsilon=0.3, step_size=0.075, num_steps=10, gate=fosc_above(0.2))

A gate is `gate(point, step) -> [batch] bool`, where True climbs on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.number import number
from fosc_tf.objectives.terms import is_right
from fosc_tf.schedules import at
from fosc_tf.types import Number, Point, Schedule

Gate = Callable[[Point, tf.Tensor], tf.Tensor]


@dataclasses.dataclass(frozen=True)
class FoscAbove:
    """Lets climb who is still above `threshold`: V = 1(FOSC > c_t), see `fosc_above`."""

    threshold: Number | Schedule

    def __call__(self, point: Point, step: tf.Tensor) -> tf.Tensor:
        """Returns [batch] bool: True where the example has not converged enough."""
        return point.fosc > tf.cast(at(self.threshold, step), tf.float32)


def fosc_above(threshold: Number | Schedule) -> FoscAbove:
    """Returns the gate of Dynamic training: climb while FOSC > threshold.

    Source: Wang et al. 2019, Algorithm 1, whose printed "<=" contradicts its own comment.

    Args:
        threshold: c_t in loss units, a number or a schedule; -inf never stops anyone.

    Raises:
        UserError: a threshold that is neither, or NaN.
    """
    return FoscAbove(number("threshold", threshold, "fosc_above(0.2)", changing=True))


def still_right(point: Point, step: tf.Tensor) -> tf.Tensor:
    """Lets climb who is still classified as its label: for evaluation, where any error counts.

    Returns:
        [batch] bool: True where the largest logit is the label's, and none is NaN.
    """
    del step
    return is_right(point.logits, point.label)


def get(gate: Gate | None) -> Gate | None:
    """Returns `gate` itself, or raises `UserError` if it is none."""
    if gate is not None and (gate is fosc_above or not callable(gate)):
        raise UserError(
            "gate must be None or a function of point and step", "fosc_above(0.2)", f"gate={gate!r}"
        )
    return gate
