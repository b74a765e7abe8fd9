"""FGSM-PGD: a weak attack in the first epochs, PGD after them.

defense = get("fgsm_pgd", epsilon=8 / 255, steps_per_epoch=390)
"""

from __future__ import annotations

import tensorflow as tf

from fosc_tf.attacks import PGD, starts
from fosc_tf.attacks.ball import Ball
from fosc_tf.attacks.limits import check_climb, step_length
from fosc_tf.defenses.registry import register
from fosc_tf.number import number
from fosc_tf.objectives import adversarial
from fosc_tf.schedules import Clock, switch
from fosc_tf.types import Batch, Defense


@register("fgsm_pgd")
def fgsm_pgd(
    *,
    epsilon: float,
    steps_per_epoch: int | None = None,
    step_size: float | None = None,
    num_steps: int = 10,
    fgsm_epochs: int = 20,
    norm: str = "linf",
) -> Defense:
    """Returns PGD training whose first epochs see FGSM examples only.

    Algorithm: until epoch `fgsm_epochs` one step of length epsilon from the clean image; from
    then on K steps of `step_size` from a random start. The weights descend the mean
    cross-entropy at the images found.

    Source: Wang et al. 2019, section 3.2, "FGSM-PGD" (Figures 3b and 3c).

    Args:
        epsilon: radius of the ball over pixels in [0, 1].
        steps_per_epoch: batches in one pass over the training set; None is told by `fit`.
        step_size: length of a PGD step; None means epsilon / 4.
        num_steps: K.
        fgsm_epochs: epochs of FGSM.
        norm: "linf", "l2" or "l1".
    """
    clock = Clock(steps_per_epoch)
    number("fgsm_epochs", fgsm_epochs, "fgsm_epochs=20", least=0)

    def start(
        batch: Batch, ball: Ball, radius: tf.Tensor, seed: tf.Tensor, step: tf.Tensor
    ) -> tf.Tensor:
        random = starts.uniform(batch, ball, radius, seed, step)
        return tf.where(clock.epoch(step) < fgsm_epochs, batch.image, random)

    step_size = step_length(step_size, epsilon)
    check_climb(epsilon, step_size, num_steps, norm, "ball", changing=False)
    changing = {
        "step_size": switch(
            before=float(epsilon), after=float(step_size), epoch=fgsm_epochs, clock=clock
        ),
        "num_steps": switch(before=1, after=num_steps, epoch=fgsm_epochs, clock=clock),
    }
    attack = PGD(epsilon=epsilon, norm=norm, start=start, **changing)
    return Defense(attack, adversarial, clock=clock, schedules=changing)
