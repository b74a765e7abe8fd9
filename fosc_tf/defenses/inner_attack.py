"""The attack within a certified defense: PGD in a ball that rises with the ramp, gated or not.

attack, changing = inner_attack(parts, factor=1.0, step_share=0.25, num_steps=8, c_max=0.25,
                                control_epochs=40)
"""

from __future__ import annotations

from typing import NamedTuple

from fosc_tf.attacks import PGD, fosc_above, starts
from fosc_tf.attacks.rules import StepRule
from fosc_tf.defenses.ramped import Ramped, check_radius
from fosc_tf.number import inside, number
from fosc_tf.schedules import fosc_threshold, times
from fosc_tf.types import Schedule


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
    check_radius(largest, "linf", f"attack_factor={factor} at the radius {largest / factor:.4g}")
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
