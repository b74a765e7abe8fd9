"""What TRADES and MART descend: a loss that keeps the label, and a divergence of two predictions.

objective = trades(beta=6.0)
judged = objective(network, batch, found, step)      # under the trainer's tape
"""

from __future__ import annotations

import keras
import tensorflow as tf

from fosc_tf.objectives.adversarial import Objective
from fosc_tf.terms import divergence, to_label
from fosc_tf.types import Batch, Found, Judged

_ROOM = 1e-4  # keeps the logarithm of the margin finite
_TINY = 1e-7


def trades(beta: float) -> Objective:
    """Returns cross-entropy at the clean image + `beta` * KL(p(clean) || p(adversarial)).

    Both predictions are those in training mode, clean first, and both have a gradient. The term
    "divergence" is the second part without beta, in nats.

    Source: TRADES, Zhang et al. 2019, equation 5, and its authors' code, which answers at the clean
    images twice where once is enough.

    Args:
        beta: 1 / lambda of the paper.
    """

    def objective(
        network: keras.Model, batch: Batch, found: Found | None, step: tf.Tensor
    ) -> Judged:
        del step
        clean, adversarial = _both(network, batch, found)
        apart = divergence(clean, adversarial)
        return Judged(to_label(clean, batch) + beta * apart, adversarial, {"divergence": apart})

    return objective


def mart(beta: float) -> Objective:
    """Returns the boosted cross-entropy + `beta` * KL * (1 - p_y(clean)).

    The first part is the cross-entropy at the adversarial image and -log(1 - the probability of its
    most probable wrong class). The second counts most where the clean image is misclassified. Both
    predictions are those in training mode, clean first, and both have a gradient, as the weight
    1 - p_y has.

    Source: MART, Wang et al. 2020; 1.0001 for 1 in the logarithm, which keeps
    it finite, and 1.0000001 in the weight are the code's.

    Args:
        beta: lambda of the paper.
    """

    def objective(
        network: keras.Model, batch: Batch, found: Found | None, step: tf.Tensor
    ) -> Judged:
        del step
        clean, adversarial = _both(network, batch, found)
        own = tf.one_hot(batch.label, clean.shape[1])
        wrong = tf.reduce_max(tf.nn.softmax(adversarial) * (1.0 - own), axis=1)
        boosted = to_label(adversarial, batch) - tf.math.log(1.0 + _ROOM - wrong)
        apart = divergence(clean, adversarial)
        doubt = 1.0 + _TINY - tf.reduce_sum(tf.nn.softmax(clean) * own, axis=1)
        return Judged(boosted + beta * apart * doubt, adversarial, {"divergence": apart})

    return objective


def _both(network: keras.Model, batch: Batch, found: Found) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the logits at the clean and at the adversarial images."""
    images = (batch.image, found.image)
    clean, adversarial = (tf.cast(network(image, training=True), tf.float32) for image in images)
    return clean, adversarial
