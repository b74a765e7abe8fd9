"""What rises step by step while training goes on: epsilon of certified training and its weights.

epsilon = epsilon_ramp(final=0.3, start_epoch=1, ramp_epochs=20, clock=Clock(468))
kappa = following(epsilon, first=1.0, last=0.5)
"""

from __future__ import annotations

import tensorflow as tf

from fosc_tf.errors import UserError, unknown_name
from fosc_tf.number import inside, whole
from fosc_tf.schedules.clock import Clock, check_clock
from fosc_tf.schedules.curve import Curve

SHAPES = ("smooth", "linear")
MIDDLE, POWER = 0.25, 4
"""Of the smooth ramp: the share of it that is a power of time, and which."""


def epsilon_ramp(
    *,
    final: float,
    start_epoch: int,
    ramp_epochs: int,
    clock: Clock,
    shape: str = "smooth",
    lowest: float = 0.0,
    total_epochs: int | None = None,
) -> Curve:
    """Returns the radius that rises from `lowest` to `final`, another one at every step.

    With x from 0 to 1 over the ramp it is final * x ("linear"), or ("smooth") a * x^4 for the first
    quarter and from there the straight line of equal value and slope that ends at `final`.

    Source: the code of CROWN-IBP (Zhang et al. 2020) and auto_LiRPA.

    Args:
        final: the radius from epoch start_epoch + ramp_epochs on.
        start_epoch: 0-based epoch with which the ramp begins.
        ramp_epochs: its length; 0 jumps.
        clock: turns steps into epochs.
        shape: one of `SHAPES`.
        lowest: the least radius that is ever said.
        total_epochs: of the run, which must see the end of the ramp; None where nobody knows.

    Raises:
        UserError: a number out of its range, an unknown shape, a ramp that the run does not end.
    """
    check_clock(clock)
    if shape not in SHAPES:
        raise unknown_name("shape of the ramp", shape, SHAPES)
    inside("epsilon", final, "epsilon=0.3", ends="()")
    whole("start_epoch", start_epoch, least=0)
    whole("ramp_epochs", ramp_epochs, least=0)
    ends = start_epoch + ramp_epochs
    if total_epochs is not None and ends > total_epochs:
        raise UserError(
            "the ramp of epsilon must end within the training",
            f"ramp_epochs={max(total_epochs - start_epoch, 0)}, or total_epochs={ends}",
            f"start_epoch={start_epoch} and ramp_epochs={ramp_epochs} with "
            f"total_epochs={total_epochs}",
        )
    power, middle = (1, 0.0) if shape == "linear" else (POWER, MIDDLE)
    slope = power * middle ** (power - 1)
    whole_way = middle**power + (1.0 - middle) * slope

    def radius(step: tf.Tensor) -> tf.Tensor:
        if not ends:  # no clock needs to be set
            return tf.constant(final, tf.float32)
        first, length = clock.first_step(start_epoch), clock.first_step(ramp_epochs)
        passed = tf.cast(step - first, tf.float32) / max(length, 1)
        if not ramp_epochs:
            passed = tf.cast(step >= first, tf.float32)
        x = tf.clip_by_value(passed, 0.0, 1.0)
        bent = tf.minimum(x, middle) ** power + slope * tf.maximum(x - middle, 0.0)
        return tf.maximum(tf.where(x < 1.0, final / whole_way * bent, final), lowest)

    said = {"final": final, "start_epoch": start_epoch, "ramp_epochs": ramp_epochs}
    return Curve("epsilon_ramp", said | {"shape": shape}, ends, radius)


def doubling(*, final: float, times: int, epochs: int, clock: Clock) -> Curve:
    """Returns the radius that doubles every `epochs` until it is `final`, constant in between.

    Source: Liu 2022 (thesis), Table 3.5.

    Args:
        final: the last radius.
        times: how often it doubles; 0 is `final` from the first.
        epochs: between two doublings, at least 1.
        clock: turns steps into epochs.
    """
    check_clock(clock)
    whole("doublings", times, least=0)
    whole("doubling_epochs", epochs, least=1)

    def radius(step: tf.Tensor) -> tf.Tensor:
        if not times:  # no clock needs to be set
            return tf.constant(final, tf.float32)
        passed = tf.minimum(clock.epoch(step) // epochs, times)
        return final * 2.0 ** tf.cast(passed - times, tf.float32)

    said = {"final": final, "times": times, "epochs": epochs}
    return Curve("doubling", said, times * epochs, radius)


def times(curve: Curve, factor: float) -> Curve:
    """Returns a schedule that says `factor` times what `curve` says.

    Args:
        curve: of floats.
        factor: above 0.
    """
    inside("factor", factor, "factor=0.5", ends="()")
    said = {"curve": curve, "factor": factor}
    return Curve("times", said, curve.ends, lambda step: factor * curve(step))


def held_before(ramp: Curve, *, value: float, epoch: int, clock: Clock) -> Curve:
    """Returns a schedule that is `value` until 0-based `epoch` begins, and `ramp` from then."""

    def held(step: tf.Tensor) -> tf.Tensor:
        return tf.where(clock.epoch(step) < epoch, value, ramp(step)) if epoch else ramp(step)

    return Curve("held_before", {"value": value, "epoch": epoch}, ramp.ends, held)


def delayed_threshold(*, c_max: float, from_epoch: int, control_epochs: int, clock: Clock) -> Curve:
    """Returns c_t = clip(c_max - (t - R) * c_max / T', 0, c_max) for 0-based epoch t.

    Source: AdvIBP, Fan & Li 2021, Algorithm 2, line 4.

    Args:
        c_max: the threshold until epoch `from_epoch`, R.
        from_epoch: R.
        control_epochs: T', after which it is 0.
        clock: turns steps into epochs.
    """

    def threshold(step: tf.Tensor) -> tf.Tensor:
        passed = tf.cast(clock.epoch(step) - from_epoch, tf.float32) / control_epochs
        return c_max * (1.0 - tf.clip_by_value(passed, 0.0, 1.0))

    said = {"c_max": c_max, "from_epoch": from_epoch, "control_epochs": control_epochs}
    return Curve("delayed_threshold", said, from_epoch + control_epochs, threshold)


def following(ramp: Curve, *, first: float, last: float) -> Curve:
    """Returns the weight that goes from `first` to `last` as a ramp rises, in proportion to it.

    Source: kappa and beta of CROWN-IBP, Zhang et al. 2020, in the code of its authors.

    Args:
        ramp: an `epsilon_ramp`.
        first: the weight at radius 0, in [0, 1].
        last: the weight at the final radius, in [0, 1].
    """
    for name, value in {"first": first, "last": last}.items():
        inside(name, value, f"{name}=0.5", below=1, ends="[]")
    final = ramp.arguments["final"]

    def weight(step: tf.Tensor) -> tf.Tensor:
        return first + (last - first) * ramp(step) / final

    return Curve("following", {"first": first, "last": last}, ramp.ends, weight)
