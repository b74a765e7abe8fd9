"""Fast: one long step from a random start (FGSM-RS).

defense = get("fast", epsilon=8 / 255)
"""

from __future__ import annotations

import tensorflow as tf

from fosc_tf.attacks import PGD
from fosc_tf.attacks.ball import Ball, wide
from fosc_tf.attacks.limits import step_length
from fosc_tf.defenses.registry import register
from fosc_tf.defenses.unclipped import noisy
from fosc_tf.number import number
from fosc_tf.objectives import adversarial
from fosc_tf.schedules import Clock, switch
from fosc_tf.types import Batch, Defense


@register("fast")
def fast(
    *,
    epsilon: float,
    steps_per_epoch: int | None = None,
    step_size: float | None = None,
    weak_epochs: int = 0,
    norm: str = "linf",
) -> Defense:
    """Returns adversarial training with a single step.

    Algorithm: every batch, one step of 1.25 * epsilon from a random point of the ball with the
    network in evaluation mode, projected into the ball and [0, 1]; then one descent step on the
    mean cross-entropy at the images found, in training mode. The start is not clipped to [0, 1]:
    on MNIST, where most pixels are black, half of the noise would be lost, and with it all
    robustness to more than one step. Its authors train in few epochs with the learning rate
    "cyclic".

    Source: Wong et al. 2020, Algorithm 3. With `weak_epochs` it is Amata + Fast, Ye et al. 2021,
    section 3.2: a weaker version with "a fixed non-zero initialization at the start" and the
    original one later.

    Departures: the authors' code attacks in training mode, for CIFAR-10 it clips the start, and it
    stops early when the accuracy under PGD-5 of a training batch falls: networks trained so may
    lose all robustness to more than one step within an epoch. Here an attack changes no variable;
    the held-out part, attacked by PGD-10 every epoch, chooses the best network. Ye et al. say
    neither which fixed start nor how long; it is half of epsilon added to every pixel, projected
    into the ball.

    Args:
        epsilon: radius of the ball over pixels in [0, 1].
        steps_per_epoch: batches in one pass over the training set; None is told by `fit`, and it
            is of use for `weak_epochs` only.
        step_size: length of the step; None means 1.25 * epsilon.
        weak_epochs: epochs with the fixed start, before those with a random one; 0 none.
        norm: "linf", "l2" or "l1".
    """
    clock = Clock(steps_per_epoch)
    number("weak_epochs", weak_epochs, "weak_epochs=5", least=0)
    weak = switch(before=1, after=0, epoch=weak_epochs, clock=clock)

    def start(
        batch: Batch, ball: Ball, radius: tf.Tensor, seed: tf.Tensor, step: tf.Tensor
    ) -> tf.Tensor:
        random = noisy(batch.image, ball, radius, seed)
        if not weak_epochs:
            return random
        moved = batch.image + 0.5 * wide(radius, batch.image)
        return tf.where(weak(step) > 0, ball.project(moved, batch.image, radius), random)

    start.__name__ = "unclipped" if not weak_epochs else f"unclipped_from_{weak_epochs}"

    attack = PGD(
        epsilon=epsilon,
        step_size=step_length(step_size, epsilon, 1.25),
        num_steps=1,
        norm=norm,
        start=start,
    )
    if not weak_epochs:
        return Defense(attack, adversarial)
    return Defense(attack, adversarial, clock=clock, schedules={"weak_start": weak})
