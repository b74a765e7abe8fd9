"""What all certified defenses share: a ramp of epsilon, weights that follow it, and penalties.

parts = ramped(epsilon=0.3, start_epoch=1, ramp_epochs=20, steps_per_epoch=468)
"""

from __future__ import annotations

from typing import NamedTuple

from fosc_tf.attacks import PGD, fosc_above, starts
from fosc_tf.attacks.limits import check_epsilon
from fosc_tf.attacks.rules import StepRule
from fosc_tf.bounds.region import NORMS
from fosc_tf.errors import UserError, unknown_name
from fosc_tf.number import inside, number
from fosc_tf.objectives.penalties import magnitudes, short_warm_up
from fosc_tf.objectives.worst_case import Penalty
from fosc_tf.schedules import Clock, Curve, epsilon_ramp, fosc_threshold, times
from fosc_tf.types import Schedule

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
    _check_radius(epsilon * train_factor, norm, f"train_factor={train_factor} with {epsilon=}")
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


def _check_radius(radius: float, norm: str, received: str) -> None:
    """Raises `UserError` for a box that is larger than the cube of all images."""
    if norm == "linf" and radius > 1.0:
        raise UserError("no radius in training exceeds 1: pixels are in [0, 1]", "1.0", received)


class InnerAttack(NamedTuple):
    """The attack within a certified defense, gated or not.

    Attributes:
        attack: PGD in a ball that grows with the ramp.
        schedules: what of it changes with time, by name.
    """

    attack: PGD
    schedules: dict[str, Schedule]


def inner_attack(
    parts: Ramped,
    *,
    factor: float,
    step_share: float,
    num_steps: int,
    c_max: float,
    control_epochs: int,
    rule: StepRule | str = "steepest",
) -> InnerAttack:
    """Returns PGD in the ball of `factor` times the radius in training, linf.

    With c_max above 0 it is that of Dynamic training: an example stops when its FOSC, over the
    part of the ball that are images, is at most c_t.

    Args:
        parts: of the defense.
        factor: radius of the ball over that of the intervals.
        step_share: length of a step over that radius, at most 2.
        num_steps: K.
        c_max: the first threshold in nats of one example; 0 has no gate.
        control_epochs: T', epochs until c_t is 0.
        rule: of the steps.

    Raises:
        UserError: a number out of its range.
    """
    inside("attack_factor", factor, "attack_factor=1.0", ends="()")
    inside("step_share", step_share, "step_share=0.5", below=2, ends="(]")
    number("num_steps", num_steps, "num_steps=8", least=1)
    inside("c_max", c_max, "c_max=0.25, or 0 for no gate")
    number("control_epochs", control_epochs, "control_epochs=40", least=1)
    largest = parts.epsilon.arguments["final"] * factor
    _check_radius(largest, "linf", f"attack_factor={factor} at the radius {largest / factor:.4g}")
    radius = times(parts.epsilon, factor)
    schedules: dict[str, Schedule] = {}
    if c_max:
        schedules["threshold"] = fosc_threshold(
            c_max=c_max, control_epochs=control_epochs, clock=parts.clock
        )
    attack = PGD(
        epsilon=radius,
        step_size=times(radius, step_share),
        num_steps=num_steps,
        start=starts.uniform,
        rule=rule,
        gate=fosc_above(schedules["threshold"]) if c_max else None,
        feasible="box" if c_max else "ball",
    )
    return InnerAttack(attack, schedules)
