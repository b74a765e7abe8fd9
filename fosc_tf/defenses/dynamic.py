"""Dynamic: adversarial training whose attack stops each example at the FOSC of the epoch.

defense = get("dynamic", epsilon=0.3, steps_per_epoch=468)
"""

from __future__ import annotations

import keras
import tensorflow as tf

from fosc_tf import objectives
from fosc_tf.attacks import PGD, fosc_above
from fosc_tf.attacks.limits import step_length
from fosc_tf.defenses.annealing import annealed
from fosc_tf.defenses.registry import register
from fosc_tf.errors import UserError
from fosc_tf.number import flag, number
from fosc_tf.readable import readable
from fosc_tf.schedules import Clock, fosc_threshold
from fosc_tf.types import Defense


@register("dynamic")
def dynamic(
    *,
    epsilon: float,
    steps_per_epoch: int | None = None,
    step_size: float | None = None,
    num_steps: int = 10,
    c_max: float | str = 0.5,
    c_min: float = 0.0,
    control_epochs: int = 40,
    norm: str = "linf",
    feasible: str = "ball",
    self_weighted: bool = False,
    least_steps: int | None = None,
    total_epochs: int = 50,
) -> Defense:
    """Returns Dynamic adversarial training.

    Algorithm: in epoch t the threshold is c_t = max(c_max - t * c_max / T', c_min). Every batch is
    attacked by PGD from a random start; after each step an example whose FOSC is at most c_t
    stops. The weights descend the mean cross-entropy at the images found, in training mode.

    Source: Wang et al. 2019, Algorithm 1.

    Departures: the printed indicator V = 1(c <= c_t) is read as its comment says, climb while
    c > c_t; stopped examples leave the batch, which changes the cost and not the result. The
    authors' released code measures FOSC from the random start; this is the paper's, from the
    clean image. `self_weighted` adds the loss weighting of that code. `least_steps` adds Amata (Ye
    et al. 2021): steps grow in number and shorten as c_t falls.

    Args:
        epsilon: radius of the ball over pixels in [0, 1].
        steps_per_epoch: batches in one pass over the training set; None is told by `fit`.
        step_size: length of a step; None means epsilon / 4.
        num_steps: K, the most steps anyone climbs.
        c_max: the first threshold in nats, or "auto": the mean FOSC of FGSM examples of the first
            batch under the initial network, measured once before the first step; such a defense
            belongs to one training.
        c_min: the last threshold; 0 in the paper, where at the end hardly anyone stops any more.
        control_epochs: T', from which on the threshold is `c_min` (40 on MNIST, 100 on CIFAR-10).
        norm: "linf", "l2" or "l1".
        feasible: "ball" (the paper) or "box", the FOSC that also knows the pixel limits.
        self_weighted: weights each example by its own loss from the second epoch on.
        least_steps: K of the first epoch, rising to `num_steps` as in `amata`, with steps of
            num_steps * step_size / K; None leaves K as it is.
        total_epochs: T, over which it rises.
    """
    clock = Clock(steps_per_epoch)
    flag("self_weighted", self_weighted)
    number("total_epochs", total_epochs, "total_epochs=50", least=1)
    number("control_epochs", control_epochs, "40", least=1)
    ceiling = _Ceiling(c_max, epsilon, norm, feasible)
    number("c_min", c_min, "c_min=0.0")
    if not 0.0 <= c_min <= (float("inf") if c_max == "auto" else c_max):
        raise UserError(
            "c_min must be a number of nats from 0 to c_max",
            "c_min=0.0",
            f"c_min={c_min!r} with c_max={c_max!r}",
        )
    threshold = fosc_threshold(
        c_max=ceiling, c_min=c_min, control_epochs=control_epochs, clock=clock
    )
    steps = {"step_size": step_length(step_size, epsilon), "num_steps": num_steps}
    changing = annealed(
        epsilon=epsilon,
        **steps,
        least_steps=least_steps,
        total_epochs=total_epochs,
        clock=clock,
        norm=norm,
    )
    attack = PGD(
        epsilon=epsilon,
        **steps | changing,
        norm=norm,
        gate=fosc_above(threshold),
        feasible=feasible,
    )
    return Defense(
        attack=attack,
        objective=objectives.self_weighted(clock) if self_weighted else objectives.adversarial,
        clock=clock,
        schedules={"threshold": threshold} | changing,
        state=ceiling.state,
        calibrate=ceiling.calibrate,
    )


class _Ceiling:
    """c_max: a number, or a variable that is NaN until the first batch has been seen."""

    def __init__(self, c_max: float | str, epsilon: float, norm: str, feasible: str) -> None:
        right = '0.5 or "auto"'
        fits = c_max == "auto" if isinstance(c_max, str) else number("c_max", c_max, right) > 0
        if not fits or c_max == float("inf"):
            raise UserError(
                'c_max must be a positive number of nats or "auto"', right, f"c_max={c_max!r}"
            )
        self.state: tuple[keras.Variable, ...] = ()
        if c_max == "auto":
            nan = keras.initializers.Constant(float("nan"))
            self.state = (keras.Variable(nan, shape=(), trainable=False, name="c_max"),)
        self.c_max = c_max
        self.fgsm = PGD(
            epsilon=epsilon,
            step_size=epsilon,
            num_steps=1,
            norm=norm,
            start="clean",
            feasible=feasible,
        )

    def __call__(self) -> tf.Tensor:
        return tf.convert_to_tensor(self.state[0] if self.state else self.c_max)

    def __repr__(self) -> str:
        return readable(self.c_max)

    def calibrate(self, network: keras.Model, image: tf.Tensor, label: tf.Tensor) -> None:
        if self.state and bool(tf.math.is_nan(self())):
            found = self.fgsm(network, image, label, final_fosc=True)
            self.state[0].assign(tf.reduce_mean(found.fosc))
