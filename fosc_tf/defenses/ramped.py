"""What all certified defenses share: a ramp of epsilon, weights that follow it, and penalties.

parts = ramped(epsilon=0.3, start_epoch=1, ramp_epochs=20, steps_per_epoch=468)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from fosc_tf.attacks.attack import Attack
from fosc_tf.attacks.limits import check_epsilon
from fosc_tf.bounds.region import NORMS
from fosc_tf.errors import UserError, unknown_name
from fosc_tf.number import inside, number
from fosc_tf.objectives.adversarial import Objective
from fosc_tf.objectives.bounded import SHOWN, Penalty
from fosc_tf.objectives.penalties import magnitudes, short_warm_up
from fosc_tf.schedules import Clock, Curve, epsilon_ramp, following
from fosc_tf.types import Defense, Schedule

LOWEST = 1e-6
"""The least radius while intervals are regularised: of points nothing is loose."""


class Ramped(NamedTuple):
    """The parts, and what is made of them.

    Attributes:
        clock: of all schedules.
        epsilon: the radius in training.
        penalties: of what is bounded.
    """

    clock: Clock
    epsilon: Curve
    penalties: tuple[Penalty, ...]

    def kappa(self, start: float, end: float) -> dict[str, Curve]:
        """Returns the weight of the clean cross-entropy by its name, nothing where it is 0.

        Args:
            start: the weight at radius 0, in [0, 1].
            end: the weight at the largest radius, in [0, 1].
        """
        for name, value in {"kappa_start": start, "kappa_end": end}.items():
            inside(name, value, f"{name}=0.5", below=1, ends="[]")
        return {"kappa": following(self.epsilon, first=start, last=end)} if start or end else {}

    def defense(
        self,
        objective: Objective,
        *,
        proof: str,
        attack: Attack | None = None,
        changing: Mapping[str, Schedule] | None = None,
        terms: tuple[str, ...] = SHOWN,
        **further: Any,
    ) -> Defense:
        """Returns the certified defense of an objective.

        Args:
            objective: what the weights descend.
            proof: method by which held-out images are proved.
            attack: within it, or None.
            changing: schedules besides the radius, by name.
            terms: of the objective that are shown.
            **further: fields of `Defense`.
        """
        schedules = {"epsilon": self.epsilon, **(changing or {})}
        return Defense(
            attack=attack,
            objective=objective,
            clock=self.clock,
            schedules=schedules,
            terms=terms,
            proof=proof,
            **further,
        )


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
    norm: str = "linf",
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
        norm: of the ball, one that bounds know.

    Raises:
        UserError: a number out of its range, a ramp that the run does not end.
    """
    if norm not in NORMS:
        raise unknown_name("norm", norm, NORMS)
    clock = Clock(steps_per_epoch)
    check_epsilon(number("epsilon", epsilon, "epsilon=8/255"), norm)
    inside("train_factor", train_factor, "train_factor=1.1", ends="()")
    check_radius(epsilon * train_factor, norm, f"train_factor={train_factor} with {epsilon=}")
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


def check_radius(radius: float, norm: str, received: str) -> None:
    """Raises `UserError` for a box that is larger than the cube of all images."""
    if norm == "linf" and radius > 1.0:
        raise UserError("no radius in training exceeds 1: pixels are in [0, 1]", "1.0", received)
