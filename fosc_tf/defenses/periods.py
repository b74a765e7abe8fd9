"""An epsilon that rises in periods, for any defense whose attack climbs in a ball (PAS).

defense = with_periods(fosc_tf.defenses.get("dynamic", epsilon=0.4), lengths=(100,), peak=1.5)
"""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from fosc_tf.attacks import PGD
from fosc_tf.errors import UserError
from fosc_tf.number import number
from fosc_tf.schedules import Clock, Curve, at, periodic_epsilon
from fosc_tf.types import Batch, Defense, PerExample, Schedule

_RULE = "an epsilon that rises in periods needs an attack that climbs in one ball for all"
_RIGHT = "periods.lengths=(), or a defense such as standard, dynamic, trades, atta or fast"


def with_periods(
    defense: Defense,
    *,
    lengths: Sequence[int],
    peak: float = 2.0,
    lowest: float = 0.0,
    shape: str = "cosine",
    total_epochs: int | None = None,
    steps_per_epoch: int | None = None,
) -> Defense:
    """Returns the defense whose epsilon rises from `lowest` to its own in each period.

    The length of a step keeps its share of the radius. What is tested is the defense's own
    epsilon. The networks at the ends of several periods make an ensemble (`models.ensemble`), for
    which the learning rate should begin anew with each (`schedules.in_periods`).

    Source: periodic adversarial scheduling, Liu 2022 (thesis), sections 4.2.4 and 4.2.5; see
    `schedules.periodic_epsilon`.

    Args:
        defense: attacks by `attacks.PGD`, or a subclass, in a ball of one radius.
        lengths: of the periods, in epochs.
        peak: where the rise ends before it is cut, in epsilons, at least 1 (the thesis on MNIST:
            1.5 of a cosine, 2 of a line; on CIFAR-10: 2 of both).
        lowest: where it begins, in epsilons, below 1.
        shape: "cosine" or "linear".
        total_epochs: of the run, with which the last period must end; None where nobody knows.
        steps_per_epoch: batches in one pass over the training set, for a defense that counts none;
            None is told by `fit`.

    Raises:
        UserError: another attack or none, a radius that changes already, epochs that are no passes
            over the training set, numbers out of their range.
    """
    attack = defense.attack
    climbs = isinstance(attack, PGD) and isinstance(attack.epsilon, numbers.Real)
    if defense.proof is not None or not climbs:
        raise UserError(_RULE, _RIGHT, f"{defense!r}")
    if defense.passes is not None:
        raise UserError(
            "periods are counted in passes over the training set", _RIGHT, "a defense that replays"
        )
    clock, target = defense.clock or Clock(steps_per_epoch), attack.epsilon
    rise = periodic_epsilon(
        target=target,
        highest=target * number("peak", peak, "peak=2.0"),
        lowest=target * number("lowest", lowest, "lowest=0.0"),
        periods=lengths,
        shape=shape,
        clock=clock,
        total_epochs=total_epochs,
    )
    length = _following(attack.step_size, rise, target)
    schedules = {**defense.schedules, "epsilon": rise}
    if "step_size" in schedules:
        schedules["step_size"] = length
    return dataclasses.replace(
        defense, attack=attack.in_ball(rise, length), clock=clock, schedules=schedules
    )


def _following(value: Any, rise: Curve, target: float) -> Schedule | PerExample:
    """Returns the length of a step, which is `value` at the target, as the radius has risen."""

    def share(step: tf.Tensor) -> tf.Tensor:
        return rise(step) / target

    def of_example(step: tf.Tensor, batch: Batch) -> tf.Tensor:
        return share(step) * value.of(step, batch)

    def of_step(step: tf.Tensor) -> tf.Tensor:
        return share(step) * tf.cast(at(value, step), tf.float32)

    return PerExample(of_example) if isinstance(value, PerExample) else of_step
