"""Learning rates by name, each for every single update; `learning_rate` is the highest.

rate = step_decay(0.01, drop_epochs=(20, 40), drop_factor=0.1, clock=Clock(468))
rate = get("cyclic", learning_rate=0.2, total_epochs=15, clock=Clock(390))

@register("inverse root")              # config.optimizer.schedule = "inverse root"
def inverse_root(learning_rate, *, clock, total_epochs): ...
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from absl import logging

from fosc_tf.errors import UserError
from fosc_tf.readable import amount
from fosc_tf.registry import Registry
from fosc_tf.schedules.clock import Clock
from fosc_tf.sections import between, one_of, rules

RATES = Registry("learning rate")
register, get, names = RATES.register, RATES.get, RATES.names

Rate = float | keras.optimizers.schedules.LearningRateSchedule


@keras.saving.register_keras_serializable(package="fosc_tf")
class Ramped(keras.optimizers.schedules.LearningRateSchedule):
    """rate(s) * min(1, s / rise, (end - s) / fall) at update s, from 0 on, and never below 0.

    Args:
        rate: what is multiplied.
        rise: updates from 0 to the whole rate; 0 for none.
        fall: updates from there to 0 at the last; 0 for none.
        end: the update at which the fall has come to 0.
    """

    def __init__(self, rate: Rate, rise: int = 0, fall: int = 0, end: int = 0) -> None:
        self.rate, self.rise, self.fall, self.end = rate, rise, fall, end

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Returns the rate at update `step`, float32 scalar."""
        share, now = 1.0, tf.cast(step, tf.float32)
        if self.rise:
            share = tf.minimum(share, now / self.rise)
        if self.fall:
            share = tf.minimum(share, tf.maximum(self.end - now, 0.0) / self.fall)
        return share * tf.cast(self.rate(step) if callable(self.rate) else self.rate, tf.float32)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make an equal schedule."""
        rate = keras.saving.serialize_keras_object(self.rate)
        return {"rate": rate, "rise": self.rise, "fall": self.fall, "end": self.end}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Ramped:
        """Returns the schedule of `get_config`."""
        return cls(**config | {"rate": keras.saving.deserialize_keras_object(config["rate"])})


@register("steps")
def step_decay(
    learning_rate: float,
    *,
    clock: Clock,
    drop_epochs: Sequence[int] = (),
    drop_factor: float = 0.1,
    warm_up_epochs: float = 0.0,
    total_epochs: int | None = None,
) -> Rate:
    """Returns the rate that is multiplied by `drop_factor` as each of `drop_epochs` begins.

    Args:
        learning_rate: the first rate.
        clock: turns epochs into steps.
        drop_epochs: 0-based epochs, ascending; with (20, 40) epochs 20 to 39 use the second rate.
        drop_factor: 0.1 divides by ten.
        warm_up_epochs: epochs in which the rate grows linearly, from 0 at the first update.
        total_epochs: of the run; drops that it does not live to see are told of.
    """
    if total_epochs is not None and any(epoch >= total_epochs for epoch in drop_epochs):
        logging.warning(
            "optimizer.drop_epochs=%s: a run, or its first period, of %s ends before the last of "
            "them begins",
            tuple(drop_epochs),
            amount(total_epochs, "epoch"),
        )
    rate = learning_rate
    if drop_epochs:
        # Keras keeps the old value AT a boundary, the last step of the epoch before.
        boundaries = [epoch * clock.steps_per_epoch - 1 for epoch in drop_epochs]
        values = [learning_rate * drop_factor**drops for drops in range(len(boundaries) + 1)]
        rate = keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, values)
    rise = _warm_up(warm_up_epochs, clock, total_epochs)
    return Ramped(rate, rise) if rise else rate


@register("constant")
def constant(
    learning_rate: float,
    *,
    clock: Clock,
    warm_up_epochs: float = 0.0,
    total_epochs: int | None = None,
) -> Rate:
    """Returns the rate itself, after a warm-up as that of `step_decay`."""
    rise = _warm_up(warm_up_epochs, clock, total_epochs)
    return Ramped(learning_rate, rise) if rise else learning_rate


@register("cyclic")
def cyclic(learning_rate: float, *, clock: Clock, total_epochs: int, peak_at: float = 0.5) -> Rate:
    """Returns the rate that grows from 0 to its peak and falls to 0 at the end, linearly.

    Source: Fast AT, Wong et al. 2020, whose authors' code has the peak in the middle; it warms up
    as it is.

    Args:
        learning_rate: the peak.
        clock: turns epochs into steps.
        total_epochs: of the run.
        peak_at: share of the run at which the peak is, in [0, 1).
    """
    end = clock.first_step(total_epochs)
    rise = round(peak_at * end)
    return Ramped(learning_rate, rise, end - rise, end)


@register("cosine")
def cosine(
    learning_rate: float, *, clock: Clock, total_epochs: int, warm_up_epochs: float = 0.0
) -> Rate:
    """Returns the rate that falls to 0 along half a cosine, after a warm-up from 0."""
    rise = _warm_up(warm_up_epochs, clock, total_epochs)
    steps = clock.first_step(total_epochs) - rise
    start = {"warmup_target": learning_rate, "warmup_steps": rise} if rise else {}
    first = 0.0 if rise else learning_rate
    return keras.optimizers.schedules.CosineDecay(first, steps, **start)


def _warm_up(epochs: float, clock: Clock, total_epochs: int | None) -> int:
    """Returns the updates of a warm-up, which the run must outlast."""
    if not epochs:
        return 0
    if not 0 <= epochs < (float("inf") if total_epochs is None else total_epochs):
        raise UserError(
            "optimizer.warm_up_epochs must end before the run does, or its first period",
            "0, or a number of epochs below their length such as 0.5",
            f"optimizer.warm_up_epochs={epochs} in {total_epochs} epochs",
        )
    return round(epochs * clock.first_step(1))


def _drops(name: str, value: Any, _: Any) -> None:
    epochs = value if isinstance(value, tuple | list) else None
    whole = epochs is not None and all(isinstance(e, int) and e >= 1 for e in epochs)
    if not whole or sorted(set(epochs)) != list(epochs):
        raise UserError(
            f"{name} must be ascending epochs from 1 on", "(20, 40)", f"{name}={value!r}"
        )


rules(
    "optimizer",
    schedule=one_of("learning rate", names),
    learning_rate=between(0, float("inf"), "a positive number such as 0.01", above=True),
    drop_epochs=_drops,
    drop_factor=between(0, float("inf"), "a positive number such as 0.1", above=True),
    warm_up_epochs=between(0, float("inf"), "0, or a number of epochs such as 0.5"),
    peak_at=between(0, 1, "a share of the run such as 0.5"),
)
