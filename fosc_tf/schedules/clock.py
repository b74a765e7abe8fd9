"""Epochs, the unit people think in, turned into steps once.

clock = Clock(steps_per_epoch=468)
clock.epoch(step)
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from fosc_tf.number import number


@dataclasses.dataclass(frozen=True)
class Clock:
    """Tells the 0-based epoch of a step; `steps_per_epoch` is at least 1."""

    steps_per_epoch: int

    def __post_init__(self) -> None:
        right = "the number of batches in one pass over the training set, such as 468"
        number("steps_per_epoch", self.steps_per_epoch, right, least=1)

    def epoch(self, step: tf.Tensor | int) -> tf.Tensor:
        """Returns the epoch (int64 scalar, from 0) that `step` (int64, from 0) belongs to."""
        return tf.cast(step, tf.int64) // self.steps_per_epoch
