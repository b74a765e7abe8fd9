"""How linear a network is around images: its input gradients there and at random neighbours.

found = linearity(network, dataset, epsilon=8 / 255)
found.alignment, found.norms, found.convergence_ratio()
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.attacks import ball as balls
from fosc_tf.attacks.limits import check_epsilon
from fosc_tf.attacks.slope import slope
from fosc_tf.number import inside, number
from fosc_tf.terms import cross_entropy
from fosc_tf.types import Batch


@dataclasses.dataclass(frozen=True, eq=False)
class Linearity:
    """What input gradients tell of each image.

    Attributes:
        cosines: [n] float32, of the gradient at the image and at a point drawn from the ball around
            it; NaN where one of them is zero.
        norms: [n] float32, l2 norms of the gradients at these points, nats of one example per unit
            of pixels.
    """

    cosines: np.ndarray
    norms: np.ndarray

    @property
    def alignment(self) -> float:
        """The mean cosine, near 1 where a single step does what many do; NaN where there is none.

        Source: gradient alignment, Andriushchenko and Flammarion 2020.
        """
        known = self.cosines[np.isfinite(self.cosines)]
        return float(known.mean()) if known.size else float("nan")

    def convergence_ratio(self, beta: float = 0.5) -> float:
        """Returns (1 - beta)^(-1/4) * mean(G) / sqrt(mean(G^2)) of the norms G; NaN if all are 0.

        The bound on the regret of ATAS over that of ATTA: the longer the tail of the norms, the
        smaller. Without its first factor it is at most 1.

        Source: Liu 2022 (thesis), section 5.2.3, equation 5.27 with the exponent of 5.24.

        Args:
            beta: of ATAS, in [0, 1).
        """
        inside("beta", beta, "beta=0.5", below=1)
        largest = float(self.norms.max(initial=0.0))
        if not largest:
            return float("nan")
        norms = self.norms.astype("float64") / largest
        return float((1 - beta) ** -0.25 * norms.mean() / np.sqrt(np.mean(norms**2)))


def linearity(
    network: Any, dataset: tf.data.Dataset, *, epsilon: float, norm: str = "linf", seed: int = 0
) -> Linearity:
    """Returns what the gradients of the cross-entropy tell, two an image, in evaluation mode.

    Args:
        network: maps images to logits.
        dataset: batches of (image, label).
        epsilon: radius of the ball that neighbours are drawn from, not clipped to [0, 1].
        norm: "linf", "l2" or "l1".
        seed: of the neighbours.

    Raises:
        UserError: a radius that is none, an unknown norm, no images.
    """
    check_epsilon(number("epsilon", epsilon, "epsilon=8/255"), norm)
    ball = balls.get(norm)

    @tf.function(autograph=False, reduce_retracing=True)
    def measured(image: tf.Tensor, label: tf.Tensor, key: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        rows = tf.reshape(image, [tf.shape(image)[0], -1])
        noise = epsilon * ball.uniform(tf.shape(rows), key, 1.0)

        def gradient(points: tf.Tensor) -> tf.Tensor:
            points = tf.reshape(points, tf.shape(image))
            found = slope(network, points, lambda logits: cross_entropy(logits, label))
            return tf.reshape(found.gradient, tf.shape(rows))

        here, there = gradient(rows), gradient(rows + noise)
        lengths = tf.norm(here, axis=1), tf.norm(there, axis=1)
        product = tf.reduce_sum(here * there, axis=1) / (lengths[0] * lengths[1])
        return product, lengths[1]

    found = []
    for number_of_batch, data in enumerate(dataset):
        batch = Batch.of(data).cast()
        key = tf.constant([seed, number_of_batch], tf.int64)
        found.append([each.numpy() for each in measured(batch.image, batch.label, key)])
    if not found:
        return Linearity(np.zeros(0, np.float32), np.zeros(0, np.float32))
    return Linearity(*(np.concatenate(each) for each in zip(*found, strict=True)))
