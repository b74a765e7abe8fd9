"""What all certified defenses share: a ramp of epsilon, weights that follow it, and penalties.

parts = ramped(epsilon=0.3, start_epoch=1, ramp_epochs=20, steps_per_epoch=468)
"""

from __future__ import annotations

from typing import NamedTuple

from fosc_tf.number import inside, number
from fosc_tf.objectives.certified import Penalty
from fosc_tf.objectives.penalties import magnitudes, short_warm_up
from fosc_tf.schedules import Clock, Curve, epsilon_ramp

LOWEST = 1e-6
"""The least radius while intervals are regularised: of points nothing is loose."""


class Ramped(NamedTuple):
    """The parts.

    Attributes:
        clock: of all schedules.
        epsilon: the radius in training.
        penalties: of what is bounded.
    """

    clock: Clock
    epsilon: Curve
    penalties: tuple[Penalty, ...]


def ramped(
    *,
    epsilon: float,
    train_factor: float = 1.0,
    start_epoch: int,
    ramp_epochs: int,
    ramp: str = "smooth",
    total_epochs: int | None = None,
    steps_per_epoch: int | None = None,
    warm_up: float = 0.0,
    l1: float = 0.0,
) -> Ramped:
    """Returns the parts of a certified defense.

    Args:
        epsilon: radius that is to be proved.
        train_factor: radius in training over that.
        start_epoch: 0-based epoch with which the radius begins to rise from 0.
        ramp_epochs: how long it rises.
        ramp: "smooth" or "linear".
        total_epochs: of the run; None where nobody knows.
        steps_per_epoch: batches of an epoch; None is told by `fit`.
        warm_up: lambda of `short_warm_up`.
        l1: weight of the kernels' magnitudes.

    Raises:
        UserError: a number out of its range, a ramp that the run does not end.
    """
    clock = Clock(steps_per_epoch)
    inside("epsilon", epsilon, "epsilon=8/255", below=1, ends="(]")
    inside("train_factor", train_factor, "train_factor=1.1", ends="()")
    inside("warm_up", warm_up, "warm_up=0.5")
    inside("l1", l1, "l1=1e-6")
    if total_epochs is not None:
        number("total_epochs", total_epochs, "total_epochs=70", least=1)
    rise = epsilon_ramp(
        final=epsilon * train_factor,
        start_epoch=start_epoch,
        ramp_epochs=ramp_epochs,
        clock=clock,
        shape=ramp,
        lowest=LOWEST,
        total_epochs=total_epochs,
    )
    penalties = (
        *([short_warm_up(warm_up, rise)] if warm_up else []),
        *([magnitudes(l1)] if l1 else []),
    )
    return Ramped(clock, rise, penalties)
