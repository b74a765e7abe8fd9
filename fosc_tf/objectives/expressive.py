"""What lies between adversarial and certified training: mixtures of both losses, or both logits.

objective = mixed_losses(epsilon=0.1, alpha=0.01)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from fosc_tf.bounds.training_mode import answer
from fosc_tf.objectives.adversarial import Objective
from fosc_tf.objectives.bounded import (
    Penalty,
    bounded,
    robust_cross_entropy,
    total,
)
from fosc_tf.types import Batch, Found, Judged, Number, Schedule


def mixed_losses(
    *, epsilon: Number | Schedule, alpha: float, penalties: Sequence[Penalty] = ()
) -> Objective:
    """Returns alpha * the robust cross-entropy + (1 - alpha) * that at the adversarial image.

    Source: MTL-IBP, De Palma et al. 2024, equation 9.

    Args:
        epsilon: radius of the intervals over pixels in [0, 1].
        alpha: in [0, 1].
        penalties: of what is bounded.
    """

    def mix(margins: tf.Tensor, attacked: tf.Tensor) -> tf.Tensor:
        bound, attack = robust_cross_entropy(margins), robust_cross_entropy(attacked)
        return alpha * bound + (1.0 - alpha) * attack

    return _objective(mix, epsilon, penalties)


def mixed_margins(
    *, epsilon: Number | Schedule, alpha: float, penalties: Sequence[Penalty] = ()
) -> Objective:
    """Returns the cross-entropy of alpha * bounds of margins + (1 - alpha) * attacked margins.

    Source: CC-IBP, De Palma et al. 2024, equation 8.

    Args:
        epsilon: radius of the intervals over pixels in [0, 1].
        alpha: in [0, 1].
        penalties: of what is bounded.
    """

    def mix(margins: tf.Tensor, attacked: tf.Tensor) -> tf.Tensor:
        return robust_cross_entropy(alpha * margins + (1.0 - alpha) * attacked)

    return _objective(mix, epsilon, penalties)


def _objective(
    mix: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    epsilon: Number | Schedule,
    penalties: Sequence[Penalty],
) -> Objective:
    def objective(
        network: keras.Model, batch: Batch, found: Found | None, step: tf.Tensor
    ) -> Judged:
        here = bounded(network, batch, epsilon, step)
        margins = here.interval_margins()
        # Batch norms have the statistics of the clean batch here too.
        attacked = here.margins_of(tf.cast(answer(here.program, found.image), tf.float32))
        loss = mix(margins, attacked)
        return here.judged(loss + total(penalties, here, step), margins)

    return objective
