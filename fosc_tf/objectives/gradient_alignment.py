"""Keeps a network linear around its images: gradients at neighbours shall point the same way.

objective = gradient_alignment(0.2, neighbour)
judged = objective(network, batch, found, step)      # found.seen["gradient"] is that at the image
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf

from fosc_tf.models.folding import folded
from fosc_tf.objectives.adversarial import Objective, adversarial
from fosc_tf.replicas import global_mean
from fosc_tf.terms import cross_entropy
from fosc_tf.types import Batch, Found, Judged


def gradient_alignment(
    weight: float, neighbour: Callable[[Batch, tf.Tensor], tf.Tensor]
) -> Objective:
    """Returns `adversarial` plus `weight` times 1 - mean cosine of two input gradients.

    They are those of the cross-entropy at the clean image, a constant that the attack has taken,
    `found.seen["gradient"]`, and at its neighbour. Examples that have no gradient at one of the two
    are dropped: their term "misalignment" is 0, that of the others 1 - cosine divided by the share
    of the global batch that is kept, so that its mean is the mean over those.

    The gradient at the neighbour is that of the network in evaluation mode, so that batch-norm
    statistics move once a batch, and with its batch norms folded, as attacks have it.

    Source: GradAlign, Andriushchenko and Flammarion 2020; dropping is in the code that its
    authors released.

    Args:
        weight: lambda.
        neighbour: of a batch and the step to images [batch, ...] float32, constants.
    """

    def objective(
        network: keras.Model, batch: Batch, found: Found | None, step: tf.Tensor
    ) -> Judged:
        judged = adversarial(network, batch, found, step)
        here = tf.stop_gradient(found.seen["gradient"])
        # Outside a graph TensorFlow has no second derivative of a folded network.
        evaluated = network if tf.executing_eagerly() else folded(network)
        there = _gradient(evaluated, tf.stop_gradient(neighbour(batch, step)), batch.label)
        cosine, kept = _cosines(here, there)
        share = global_mean(tf.cast(kept, tf.float32))
        misalignment = tf.math.divide_no_nan(tf.where(kept, 1.0 - cosine, 0.0), share)
        return judged._replace(
            loss=judged.loss + weight * misalignment,
            terms=judged.terms | {"misalignment": misalignment},
        )

    return objective


def _gradient(network: Callable[..., tf.Tensor], image: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Returns each example's own, [batch, ...]; tapes around it see how it depends on weights."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(image)
        logits = tf.cast(network(image, training=False), tf.float32)
        loss = cross_entropy(logits, label)
    return tape.gradient(loss, image)


def _cosines(one: tf.Tensor, other: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the cosine of each pair of rows, [batch], and where there is one, [batch] bool."""
    rows = [tf.reshape(each, [tf.shape(each)[0], -1]) for each in (one, other)]
    # A cosine knows no scale; squares of the gradients of a confident network would be 0.
    largest = [tf.stop_gradient(tf.reduce_max(tf.abs(each), axis=1)) for each in rows]
    kept = (largest[0] > 0) & (largest[1] > 0)
    # What is dropped has a length all the same, so that no derivative is NaN.
    unit = [
        tf.math.l2_normalize(tf.where(kept[:, None], each / size[:, None], 1.0), axis=1)
        for each, size in zip(rows, [tf.where(kept, size, 1.0) for size in largest], strict=True)
    ]
    return tf.reduce_sum(unit[0] * unit[1], axis=1), kept
