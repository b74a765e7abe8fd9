"""IAT: every example has a radius of its own, as large as the network withstands.

defense = get("iat", epsilon=8 / 255, num_examples=50000)
"""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from fosc_tf.attacks.adaptive_radius import NEXT_RADIUS, RADIUS, AdaptiveRadius
from fosc_tf.attacks.limits import step_length
from fosc_tf.defenses.registry import register
from fosc_tf.memory import Memory, Spec
from fosc_tf.number import number, whole
from fosc_tf.schedules import Clock, switch
from fosc_tf.terms import is_right, to_label
from fosc_tf.types import Batch, Defense, Found, Judged


@register("iat")
def iat(
    *,
    epsilon: float,
    num_examples: int | None = None,
    steps_per_epoch: int | None = None,
    step_size: float | None = None,
    num_steps: int = 10,
    change: float | None = None,
    rate: float = 0.1,
    most_epsilon: float = math.inf,
    warm_up_epochs: int = 5,
    norm: str = "linf",
) -> Defense:
    """Returns instance adaptive adversarial training.

    Algorithm: each example has a radius, at first epsilon. It is attacked by PGD within its radius
    + gamma. If the network withstands, this image is trained on; else it is attacked within its
    radius, and if that breaks it too, within its radius - gamma. Its radius then moves by a tenth
    of the way to the one that was trained on. In the first epochs everyone has epsilon. The weights
    descend the cross-entropy at the images found or, where the clean image is misclassified, at the
    clean one.

    Source: Balaji et al. 2019, with the numbers of the case study of Liu 2022 (thesis), section
    4.3.5, and of the code its authors released.

    Departure: that code attacks everyone three times; see `attacks.AdaptiveRadius`. Which of the
    two images is trained on is told by the predictions in training mode, as there.

    Args:
        epsilon: radius at first, over pixels in [0, 1].
        num_examples: ids of the examples run from 0 to this number - 1.
        steps_per_epoch: batches in one pass over the training set; None is told by `fit`.
        step_size: length of a step; None means epsilon / 4.
        num_steps: K.
        change: gamma; None means 0.2375 * epsilon, which is 0.00745 at 8 / 255.
        rate: beta, share of the way that a radius moves, in (0, 1].
        most_epsilon: no radius is larger.
        warm_up_epochs: epochs in which everyone has epsilon.
        norm: "linf", "l2" or "l1".
    """
    clock = Clock(steps_per_epoch)
    number("epsilon", epsilon, "epsilon=8/255")
    warm_up = whole("warm_up_epochs", warm_up_epochs, least=0)
    alike = switch(before=1.0, after=0.0, epoch=warm_up, clock=clock)
    attack = AdaptiveRadius(
        epsilon=epsilon,
        step_size=step_length(step_size, epsilon),
        num_steps=num_steps,
        change=0.2375 * epsilon if change is None else change,
        rate=rate,
        most=most_epsilon,
        alike=alike,
        norm=norm,
    )

    def objective(
        network: keras.Model, batch: Batch, found: Found | None, step: tf.Tensor
    ) -> Judged:
        adversarial, clean = (
            tf.cast(network(image, training=True), tf.float32)
            for image in (found.image, batch.image)
        )
        attacked = is_right(clean, batch.label) | (alike(step) > 0)
        logits = tf.where(attacked[:, None], adversarial, clean)
        radius = tf.stop_gradient(found.seen[RADIUS])
        return Judged(to_label(logits, batch), logits, {RADIUS: radius})

    def remember(
        batch: Batch, found: Found, judged: Judged, step: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        del batch, judged, step
        return {RADIUS: found.seen[NEXT_RADIUS]}

    return Defense(
        attack=attack,
        objective=objective,
        clock=clock,
        terms=(RADIUS,),
        memory=Memory(num_examples, {RADIUS: Spec(initial=epsilon)}),
        remember=remember,
    )
