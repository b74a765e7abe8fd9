"""What the weights descend in adversarial training: the loss at the images the attack found.

judged = adversarial(network, batch, found, step)      # under the trainer's tape
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf

from fosc_tf.schedules import Clock
from fosc_tf.terms import cross_entropy, to_label
from fosc_tf.types import Batch, Found, Judged

Objective = Callable[[keras.Model, Batch, Found | None, tf.Tensor], Judged]


def adversarial(network: keras.Model, batch: Batch, found: Found | None, step: tf.Tensor) -> Judged:
    """Returns cross-entropy at the adversarial images, or at the clean ones without an attack.

    Source: the outer minimisation of Madry et al. 2018, equation 2.1. The network is called in
    training mode, once.
    """
    del step
    image = batch.image if found is None else found.image
    logits = tf.cast(network(image, training=True), tf.float32)
    return Judged(to_label(logits, batch), logits)


def self_weighted(clock: Clock, from_epoch: int = 1) -> Objective:
    """Returns `adversarial` with each example weighted by its own loss from an epoch on.

    Source: not in the paper, but in the code its authors released, from the second epoch on: the
    weight is the example's cross-entropy with the network in evaluation mode, as a constant. The
    gradient is that of about half the mean squared loss. Costs a forward pass.
    """

    def objective(
        network: keras.Model, batch: Batch, found: Found | None, step: tf.Tensor
    ) -> Judged:
        judged = adversarial(network, batch, found, step)
        image = batch.image if found is None else found.image
        logits = tf.cast(network(image, training=False), tf.float32)
        weight = tf.stop_gradient(cross_entropy(logits, batch.label))
        weight = tf.where(clock.epoch(step) < from_epoch, tf.ones_like(weight), weight)
        return judged._replace(loss=weight * judged.loss)

    return objective
