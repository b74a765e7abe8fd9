"""Epsilon that rises from small to full again and again: periodic adversarial scheduling.

epsilon = periodic_epsilon(target=0.4, highest=0.6, periods=(100,), clock=Clock(468))
epsilon(step)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from fosc_tf.errors import UserError, unknown_name
from fosc_tf.number import inside, number, whole
from fosc_tf.schedules.clock import Clock, check_clock
from fosc_tf.schedules.curve import Curve

RISES = ("cosine", "linear")


def periodic_epsilon(
    *,
    target: float,
    highest: float,
    periods: Sequence[int],
    clock: Clock,
    lowest: float = 0.0,
    shape: str = "cosine",
    total_epochs: int | None = None,
) -> Curve:
    """Returns the radius that rises within each period, float32, another one at every step.

    With x from 0 to 1 over a period it is lowest + (highest - lowest) * s(x), cut to [0, target],
    where s(x) = (1 - cos(pi * x)) / 2 ("cosine") or x ("linear"). After the last period it stays
    what it was at its end.

    Source: Liu 2022 (thesis), section 4.2.4, equation 4.29. There lowest is 0; MNIST has target 0.4
    and highest 0.6 (cosine) or 0.8 (linear) in one period of 100 epochs, CIFAR-10 8/255 and 16/255
    in periods of 100, 50 and 50, with which the learning rate begins anew too. Departure: the paper
    counts whole epochs, here x grows from step to step.

    Args:
        target: the largest radius that is ever said, units of the norm, above 0.
        highest: where the rise ends before it is cut, at least `target`.
        periods: length of each, epochs: (100, 50, 50) begins anew with 0-based epochs 100 and 150.
        clock: turns steps into epochs.
        lowest: where the rise begins, below `target`; below 0 the radius is 0 for a while.
        shape: one of `RISES`.
        total_epochs: of the run, with which the last period must end; None where nobody knows.

    Raises:
        UserError: a number out of its range, a rise that misses the target, an unknown shape,
            periods that do not end with the run.
    """
    check_clock(clock)
    if shape not in RISES:
        raise unknown_name("shape of the rise", shape, RISES)
    inside("target", target, "target=0.4", ends="()")
    inside("highest", highest, "highest=0.6", ends="()")
    number("lowest", lowest, "lowest=0.0")
    if not -math.inf < lowest < target <= highest:
        raise UserError(
            "epsilon rises from below its target to the target or beyond",
            f"lowest=0.0 and highest={2 * target:g}",
            f"lowest={lowest:g} and highest={highest:g} with target={target:g}",
        )
    lengths = _lengths(periods, total_epochs)
    beginnings = [0, *itertools.accumulate(lengths)][:-1]

    def radius(step: tf.Tensor) -> tf.Tensor:
        first = tf.constant([clock.first_step(epoch) for epoch in beginnings], tf.int64)
        steps = tf.constant([clock.first_step(length) for length in lengths], tf.int64)
        period = tf.reduce_sum(tf.cast(first <= step, tf.int32)) - 1
        passed = tf.cast(step - tf.gather(first, period), tf.float64)
        x = tf.minimum(passed / tf.cast(tf.gather(steps, period), tf.float64), 1.0)
        share = x if shape == "linear" else 0.5 * (1.0 - tf.cos(np.pi * x))
        risen = tf.cast(lowest + (highest - lowest) * share, tf.float32)
        return tf.clip_by_value(risen, 0.0, target)

    share = (target - lowest) / (highest - lowest)
    reached = share if shape == "linear" else math.acos(1.0 - 2.0 * share) / math.pi
    ends = math.ceil(beginnings[-1] + reached * lengths[-1] - 1e-9)
    said = {"target": target, "highest": highest, "periods": lengths, "shape": shape}
    said |= {"lowest": lowest} if lowest else {}
    return Curve("periodic_epsilon", said, ends, radius)


def _lengths(periods: Sequence[int], total_epochs: int | None) -> tuple[int, ...]:
    if isinstance(periods, str) or not isinstance(periods, Sequence | np.ndarray):
        raise UserError("periods are several lengths", "periods=(100,)", f"periods={periods!r}")
    if not len(periods):
        raise UserError("a run has at least one period", "periods=(100,)", "periods=()")
    lengths = tuple(whole("the length of a period", each, least=1) for each in periods)
    if total_epochs is not None and sum(lengths) != total_epochs:
        whole("total_epochs", total_epochs, least=1)
        raise UserError(
            "the last period must end with the run",
            f"total_epochs={sum(lengths)}, or lengths of together {total_epochs} epochs",
            f"periods={lengths}, together {sum(lengths)} epochs, with total_epochs={total_epochs}",
        )
    return lengths
