"""N-FGSM: one step from an image with much noise, which nothing takes back into the ball.

defense = get("n_fgsm", epsilon=8 / 255)
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from fosc_tf.attacks import PGD, starts
from fosc_tf.attacks.ball import Ball
from fosc_tf.attacks.climb import Climb
from fosc_tf.attacks.limits import step_length
from fosc_tf.defenses.registry import register
from fosc_tf.defenses.unclipped import noisy
from fosc_tf.errors import UserError
from fosc_tf.number import number
from fosc_tf.objectives import adversarial
from fosc_tf.types import Batch, Defense


@register("n_fgsm")
def n_fgsm(
    *,
    epsilon: float,
    step_size: float | None = None,
    noise: float = 2.0,
    clip_noise: bool = True,
    norm: str = "linf",
) -> Defense:
    """Returns adversarial training with a single step from a noisy image.

    Algorithm: every batch, noise uniform in the ball of radius k * epsilon is added and clipped to
    [0, 1]; then one step of epsilon with the network in evaluation mode, clipped to [0, 1] only,
    so that an image may be (k + 1) * epsilon away. The weights descend the mean cross-entropy
    there, in training mode.

    Source: de Jorge et al. 2022. k is 2 for CIFAR-10 at 8 / 255, 4 at 16 / 255 in the
    authors' code.

    Departures: that code attacks in training mode, whose passes move batch-norm statistics twice a
    batch; here an attack changes no variable. The FOSC that is logged is that of the ball of
    radius k * epsilon + step_size, where the images are.

    Args:
        epsilon: radius of the ball that is defended, over pixels in [0, 1].
        step_size: length of the step; None means epsilon.
        noise: k, the radius of the noise in epsilons, at least 0.
        clip_noise: False takes the gradient at the noisy image as it is; where most pixels are
            black, as on MNIST, clipping loses half of the noise.
        norm: "linf", "l2" or "l1".
    """
    if not 0 <= number("noise", noise, "noise=2.0") < math.inf:
        raise UserError("noise is a number of epsilons from 0 on", "noise=2.0", f"noise={noise}")
    attack = NoisyFgsm(
        epsilon=epsilon,
        step_size=step_length(step_size, epsilon, 1.0),
        noise=noise,
        clip_noise=clip_noise,
        norm=norm,
    )
    return Defense(attack, adversarial)


class NoisyFgsm(PGD):
    """One step from an image with noise that may be larger than the ball, without coming back.

    Args:
        epsilon: radius of the ball that is defended.
        step_size: length of the step.
        noise: radius of the noise in epsilons.
        clip_noise: whether the noisy image is clipped to [0, 1] before the step; it is after it.
        norm: "linf", "l2" or "l1".
    """

    def __init__(
        self, *, epsilon: float, step_size: float, noise: float, clip_noise: bool, norm: str
    ) -> None:
        def start(
            batch: Batch, ball: Ball, radius: tf.Tensor, seed: tf.Tensor, step: tf.Tensor
        ) -> tf.Tensor:
            if clip_noise:
                return starts.uniform(batch, ball, noise * radius, seed, step)
            return noisy(batch.image, ball, noise * radius, seed)

        start.__name__ = f"{'uniform' if clip_noise else 'unclipped'}_{noise:g}"
        super().__init__(epsilon=epsilon, step_size=step_size, num_steps=1, norm=norm, start=start)
        self.noise = noise

    def begin(self, network: Any, batch: Batch, seed: Any, step: Any) -> tuple[Climb, tf.Tensor]:
        """Returns the climb in the ball that the step cannot leave, and its start."""
        climb, start = super().begin(network, batch, seed, step)
        reach = self.noise * climb.rows.epsilon + climb.rows.step_size
        climb.rows = climb.rows._replace(epsilon=reach)
        return climb, start
