"""A learning rate that begins anew with every period of a run.

rate = in_periods(step_decay(0.1, drop_epochs=(50, 75), clock=clock), (100, 50, 50), clock=clock)
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.schedules.clock import Clock
from fosc_tf.schedules.learning_rate import Rate


@keras.saving.register_keras_serializable(package="fosc_tf")
class Restarted(keras.optimizers.schedules.LearningRateSchedule):
    """The schedule of the first period in all periods, as much faster as they are shorter.

    Args:
        rate: a schedule over the updates of the first period.
        lengths: updates of each period; after the last one its end stays.
    """

    def __init__(
        self, rate: keras.optimizers.schedules.LearningRateSchedule, lengths: Sequence[int]
    ) -> None:
        self.rate, self.lengths = rate, tuple(lengths)

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Returns the rate at update `step`, float32 scalar."""
        step = tf.cast(step, tf.int64)
        first = tf.constant([0, *itertools.accumulate(self.lengths)][:-1], tf.int64)
        period = tf.reduce_sum(tf.cast(first <= step, tf.int32)) - 1
        passed, length = step - tf.gather(first, period), tf.gather(self._lengths, period)
        return self.rate(passed * self.lengths[0] // length)

    @property
    def _lengths(self) -> tf.Tensor:
        return tf.constant(self.lengths, tf.int64)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make an equal schedule."""
        return {"rate": keras.saving.serialize_keras_object(self.rate), "lengths": self.lengths}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Restarted:
        """Returns the schedule of `get_config`."""
        return cls(**config | {"rate": keras.saving.deserialize_keras_object(config["rate"])})


def in_periods(rate: Rate, lengths: Sequence[int], *, clock: Clock) -> Rate:
    """Returns the rate that begins anew with each period, its course scaled to the length.

    Source: Liu 2022 (thesis), section 4.2.5: the learning rate is set back together with epsilon.

    Args:
        rate: of the first period; a number is the same in all of them.
        lengths: of the periods, in epochs.
        clock: turns epochs into updates.
    """
    if len(lengths) < 2 or not callable(rate):
        return rate
    return Restarted(rate, [clock.first_step(length) for length in lengths])
