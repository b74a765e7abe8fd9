"""GradAlign: one step from the clean image, and gradients that are held parallel around it.

defense = get("grad_align", epsilon=8 / 255)
"""

from __future__ import annotations

import tensorflow as tf

from fosc_tf.attacks import PGD
from fosc_tf.attacks import ball as balls
from fosc_tf.attacks.limits import check_climb, step_length
from fosc_tf.defenses.registry import register
from fosc_tf.defenses.unclipped import noisy
from fosc_tf.number import inside
from fosc_tf.objectives import gradient_alignment
from fosc_tf.types import Batch, Defense


@register("grad_align")
def grad_align(
    *,
    epsilon: float,
    step_size: float | None = None,
    alignment: float = 0.2,
    norm: str = "linf",
) -> Defense:
    """Returns FGSM training with gradient alignment.

    Algorithm: every batch, one step of epsilon from the clean image with the network in evaluation
    mode. The weights descend the mean cross-entropy at the images found, in training mode, plus
    lambda * (1 - mean cosine of the input gradients at the clean image and at a random neighbour in
    the ball). The first is a constant and the very one of the attack, the second is differentiated,
    with the network in evaluation mode. Examples whose gradient is zero are dropped from the mean.

    A batch costs the gradient of the attack, which alone is counted as `gradients`, that at the
    neighbour with a backward pass of its own, and the update.

    Source: Andriushchenko and Flammarion 2020. Lambda at 8 / 255 on CIFAR-10 is 0.2,
    and 0.2 * (4 / 3)^(255 * epsilon - 8) elsewhere, in the code its authors released.

    Departures: that code has the network in training mode throughout, whose three passes move the
    batch-norm statistics three times a batch; here they move once. The noise depends on the step
    alone and not on the seed of the run, which an objective is not told.

    Args:
        epsilon: radius of the ball over pixels in [0, 1].
        step_size: length of the step; None means epsilon.
        alignment: lambda, at least 0.
        norm: "linf", "l2" or "l1".
    """
    inside("alignment", alignment, "alignment=0.2")
    step_size = step_length(step_size, epsilon, 1.0)
    check_climb(epsilon, step_size, 1, norm, "ball", changing=False)
    attack = PGD(
        epsilon=epsilon,
        step_size=step_size,
        num_steps=1,
        norm=norm,
        start="clean",
        watch={"gradient": lambda point: point.gradient},
    )
    ball = balls.get(norm)

    def neighbour(batch: Batch, step: tf.Tensor) -> tf.Tensor:
        # Not clipped, as in the authors' code.
        return noisy(batch.image, ball, epsilon, tf.stack([tf.zeros_like(step), step]))

    return Defense(attack, gradient_alignment(alignment, neighbour), terms=("misalignment",))
