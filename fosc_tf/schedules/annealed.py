"""Attacks that grow finer: more and shorter steps from epoch to epoch, as Amata has them.

steps = annealed_steps(least=2, most=10, total_epochs=30, clock=Clock(390))
step_size = path_step(20 / 255, steps)      # tau / K_t
"""

from __future__ import annotations

import math

import tensorflow as tf

from fosc_tf.errors import UserError, unknown_name
from fosc_tf.number import number
from fosc_tf.schedules.clock import Clock
from fosc_tf.schedules.curve import Curve

SHAPES = ("linear", "exponential")


def annealed_steps(
    *,
    least: int,
    most: int,
    total_epochs: int,
    clock: Clock,
    shape: str = "linear",
    eta: float = 1.0,
) -> Curve:
    """Returns K_t = K_min + (K_max - K_min) * s(t), int32, constant within an epoch.

    s(t) = t / T ("linear") or (1 - exp(-eta * t)) / (1 - exp(-eta * T)) ("exponential") for 0-based
    epoch t of T. The papers' K_t is no whole number; here it is rounded, a half upwards, so that
    the first epoch has K_min and the last ones have K_max where T is not too short. From epoch T on
    it is K_max.

    Source: Amata, Ye et al. 2021, Algorithm 1 and equation 16 of appendix B.2.

    Args:
        least: K_min, at least 1.
        most: K_max, at least K_min.
        total_epochs: T.
        clock: turns steps into epochs.
        shape: one of `SHAPES`.
        eta: bends the exponential; above 0 steps grow early.

    Raises:
        UserError: a number out of its range, an unknown shape, an eta of 0.
    """
    if shape not in SHAPES:
        raise unknown_name("shape of annealing", shape, SHAPES)
    number("least_steps", least, "least_steps=2", least=1)
    number("num_steps", most, "num_steps=10", least=1)
    number("total_epochs", total_epochs, "total_epochs=30", least=1)
    if least > most:
        raise UserError(
            "steps of an annealed attack grow: least_steps is at most num_steps",
            f"least_steps={most}, or num_steps={least}",
            f"least_steps={least} with num_steps={most}",
        )
    number("eta", eta, "eta=1.0")
    if not eta or not math.isfinite(eta):
        raise UserError("eta bends the exponential", "eta=1.0, or shape=linear", f"eta={eta}")

    def share(epoch: int) -> float:
        if shape == "linear":
            return epoch / total_epochs
        return math.expm1(-eta * epoch) / math.expm1(-eta * total_epochs)

    table = [
        math.floor(least + (most - least) * share(epoch) + 0.5) for epoch in range(total_epochs)
    ]
    table.append(most)

    def steps(step: tf.Tensor) -> tf.Tensor:
        if least == most:  # no clock needs to be set
            return tf.constant(most)
        epoch = tf.minimum(clock.epoch(step), total_epochs)
        return tf.gather(tf.constant(table, tf.int32), epoch)

    said = {"least": least, "most": most, "total_epochs": total_epochs}
    said |= {} if shape == "linear" else {"shape": shape, "eta": eta}
    return Curve("annealed_steps", said, table.index(most), steps)


def path_step(length: float, steps: Curve) -> Curve:
    """Returns alpha_t = tau / K_t, float32: all climbs are as long, tau = `length`, in all epochs.

    Source: Amata, Ye et al. 2021, Algorithm 1; K_t is the rounded one, so K_t * alpha_t is tau.
    """
    return Curve(
        "path_step",
        {"length": length, "steps": steps},
        steps.ends,
        lambda step: length / tf.cast(steps(step), tf.float32),
    )
