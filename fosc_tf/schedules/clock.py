"""Epochs, the unit people think in, turned into steps once.

clock = Clock(steps_per_epoch=468)      # or Clock(): `fit` tells it
clock.epoch(step)
"""

from __future__ import annotations

import dataclasses
from typing import Any

import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.number import number, whole

_RIGHT = "the number of batches in one pass over the training set, such as 468"


@dataclasses.dataclass
class Clock:
    """Tells the 0-based epoch of a step.

    Attributes:
        steps_per_epoch: batches of an epoch, at least 1; None until `fit` is called.
    """

    steps_per_epoch: int | None = None

    def __post_init__(self) -> None:
        if self.steps_per_epoch is not None:
            number("steps_per_epoch", self.steps_per_epoch, _RIGHT, least=1)

    def learn(self, length: int | None) -> None:
        """Takes the length of an epoch from whoever knows the data.

        Raises:
            UserError: another length than is known already, or none where none is known.
        """
        known = self.steps_per_epoch
        if length is None and known is None:
            raise UserError(
                "what changes from epoch to epoch must know how many batches an epoch has",
                "steps_per_epoch=468, of the defense or of fit",
                "a dataset that does not say how long it is",
            )
        if length is not None and known is not None and length != known:
            raise UserError(
                "an epoch must have as many batches as the schedules of the defense count",
                f"steps_per_epoch={length} of the defense, or none: fit tells it",
                f"epochs of {length} batches with steps_per_epoch={known} of the defense, or of an "
                "earlier fit",
            )
        self.steps_per_epoch = known or length

    def epoch(self, step: tf.Tensor | int) -> tf.Tensor:
        """Returns the epoch (int64 scalar, from 0) that `step` (int64, from 0) belongs to."""
        return tf.cast(step, tf.int64) // self.first_step(1)

    def first_step(self, epoch: int) -> int:
        """Returns the step at which 0-based `epoch` begins.

        Raises:
            UserError: nobody has told how long an epoch is.
        """
        if self.steps_per_epoch is None:
            raise UserError("steps_per_epoch must be known", _RIGHT, "none, and no fit so far")
        return epoch * self.steps_per_epoch


def check_clock(clock: Any) -> None:
    """Raises `UserError` for what tells no epochs, such as the number of their steps."""
    if not isinstance(clock, Clock):
        raise UserError(
            "a schedule needs a clock that tells epochs",
            "clock=fosc_tf.schedules.Clock(468)",
            f"clock={clock!r}",
        )


def beginning(from_epoch: int, clock: Clock | None) -> int:
    """Returns the 0-based epoch that a part of a training begins with.

    Raises:
        UserError: no whole number, or a later epoch than 0 that no clock could tell.
    """
    if whole("from_epoch", from_epoch, least=0) and clock is None:
        raise UserError("a later epoch needs a clock", "clock=Clock()", "clock=None")
    return from_epoch
