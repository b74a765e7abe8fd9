"""The two losses of AdvIBP, at an adversarial image and of bounds, for a trainer that mixes them.

objective = two_objectives(epsilon=0.3, phase=phase)
judged.terms["adversarial"], judged.terms["certified"]
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from fosc_tf.bounds.training_mode import answer, cut_at
from fosc_tf.objectives.adversarial import Objective
from fosc_tf.objectives.bounded import Penalty, bounded, robust_cross_entropy, total
from fosc_tf.objectives.worst_case import fused_cross_entropy
from fosc_tf.schedules import at
from fosc_tf.terms import cross_entropy
from fosc_tf.types import Batch, Found, Judged, Number, Schedule

CLEAN, ATTACKED, JOINT = range(3)
"""Phases: clean images alone, adversarial ones alone, both losses."""


def two_objectives(
    *,
    epsilon: Number | Schedule,
    phase: Schedule,
    crown: Number | Schedule | None = None,
    latent_layer: str | None = None,
    penalties: Sequence[Penalty] = (),
) -> Objective:
    """Returns an objective whose terms "adversarial" and "certified" are the two losses, [batch].

    Its loss is their sum in the joint phase, else the first alone. In the clean phase the first is
    taken at the clean images. Batch norms have the statistics of the clean batch in both.

    Source: AdvIBP, Fan & Li 2021.

    Args:
        epsilon: radius of the intervals over pixels in [0, 1], linf.
        phase: one of `CLEAN`, `ATTACKED`, `JOINT`.
        crown: weight of fused linear bounds in the second; None has intervals alone.
        latent_layer: the layer before which the attack has been; None is the image.
        penalties: added to the second.
    """

    def objective(
        network: keras.Model, batch: Batch, found: Found | None, step: tf.Tensor
    ) -> Judged:
        here = bounded(network, batch, epsilon, step)
        margins, now = here.interval_margins(), phase(step)
        if crown is None:
            robust = robust_cross_entropy(margins)
        else:
            robust = fused_cross_entropy(here, tf.cast(at(crown, step), tf.float32))
        if latent_layer is None:
            image = tf.where(now == CLEAN, batch.image, found.image)
            logits = answer(here.program, image)
        else:
            logits = answer(here.program, found.image, first=cut_at(network, latent_layer))
        attacked = cross_entropy(tf.cast(logits, tf.float32), batch.label)
        certified = robust + total(penalties, here, step)
        loss = attacked + tf.where(now == JOINT, certified, tf.zeros_like(certified))
        return here.judged(loss, margins, adversarial=attacked, certified=certified)

    return objective
