"""Curves over epochs: c_t of Dynamic training and the changes of attack of its baselines.

threshold = fosc_threshold(c_max=0.5, control_epochs=40, clock=Clock(468))
threshold(step)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from fosc_tf.number import number, whole
from fosc_tf.schedules.clock import Clock, check_clock
from fosc_tf.schedules.curve import Curve
from fosc_tf.types import Number, Schedule


def fosc_threshold(
    *,
    c_max: Number | Callable[[], tf.Tensor],
    control_epochs: int,
    clock: Clock,
    c_min: float = 0.0,
) -> Schedule:
    """Returns c_t = max(c_max - t * c_max / T', c_min) for epoch t, constant within an epoch.

    Source: Wang et al. 2019, section 4.1 and Algorithm 1, where c_min is 0.

    Args:
        c_max: the first threshold in nats, or a function that reads it when asked.
        control_epochs: T', from which on the threshold is `c_min`.
        clock: turns steps into epochs.
        c_min: the lowest threshold.

    Raises:
        UserError: what is no number, no epochs, no clock.
    """
    check_clock(clock)
    number("c_max", c_max, "c_max=0.5", changing=True)
    number("c_min", c_min, "c_min=0.0")
    whole("control_epochs", control_epochs, least=1)

    def threshold(step: tf.Tensor) -> tf.Tensor:
        highest = tf.cast(c_max() if callable(c_max) else c_max, tf.float32)
        passed = tf.cast(clock.epoch(step), tf.float32) / float(control_epochs)
        return tf.maximum(highest * (1.0 - passed), c_min)

    said = {"c_max": c_max, "control_epochs": control_epochs}
    said |= {"c_min": c_min} if c_min else {}
    return Curve("fosc_threshold", said, control_epochs, threshold)


def switch(*, before: Number, after: Number, epoch: int, clock: Clock) -> Schedule:
    """Returns the schedule that is `before` until 0-based `epoch` begins and `after` from then.

    Raises:
        UserError: what is no number, no epoch, no clock.
    """
    check_clock(clock)
    for name, value in {"before": before, "after": after}.items():
        number(name, value, f"{name}=0.1", changing=True)
    whole("epoch", epoch, least=0)

    def switched(step: tf.Tensor) -> tf.Tensor:
        if not epoch:  # no clock needs to be set
            return tf.convert_to_tensor(after)
        return tf.where(clock.epoch(step) < epoch, before, after)

    said = {"before": before, "after": after, "epoch": epoch}
    return Curve("switch", said, epoch, switched)


def staircase(*, highest: int, total_epochs: int, clock: Clock) -> Schedule:
    """Returns the integer schedule 0, 1, ..., `highest` in equally long lessons.

    Lesson l (int32) lasts from epoch l * total_epochs / (highest + 1) on; the last one stays.

    Raises:
        UserError: what is no whole number, no epochs, no clock.
    """
    check_clock(clock)
    whole("highest", highest, least=0)
    whole("total_epochs", total_epochs, least=1)

    def lesson(step: tf.Tensor) -> tf.Tensor:
        level = clock.epoch(step) * (highest + 1) // total_epochs
        return tf.cast(tf.minimum(level, highest), tf.int32)

    said = {"highest": highest, "total_epochs": total_epochs}
    ends = -(-highest * total_epochs // (highest + 1))  # rounded up
    return Curve("staircase", said, ends, lesson)


def begun(*, epochs: Sequence[int], clock: Clock) -> Schedule:
    """Returns how many of the 0-based `epochs`, ascending, have begun, int32."""

    def count(step: tf.Tensor) -> tf.Tensor:
        passed = tf.constant(epochs, tf.int64, [len(epochs)]) <= clock.epoch(step)
        return tf.reduce_sum(tf.cast(passed, tf.int32))

    return Curve("begun", {"epochs": tuple(epochs)}, max(epochs, default=0), count)
