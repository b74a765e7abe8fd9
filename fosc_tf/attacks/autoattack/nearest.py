"""The nearest misclassified images known so far, and the last stretch towards the clean ones.

best = nearer(best, found)
image = last_search(margin, clean, misclassified)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from fosc_tf.attacks.ball import column

SEARCH_STEPS = 3
BEYOND_ZERO = 0.1


class Nearest(NamedTuple):
    """`image` [batch, ...] float32 and its `distance` [batch] float32, inf where none is known."""

    image: tf.Tensor
    distance: tf.Tensor


def nothing_found(image: tf.Tensor, broken: tf.Tensor) -> Nearest:
    """Returns the clean images, at distance 0 where those are misclassified, else infinity."""
    return Nearest(image, tf.where(broken, 0.0, float("inf")))


def nearer(best: Nearest, found: Nearest) -> Nearest:
    """Returns for each example the nearer of two images."""
    better = found.distance < best.distance
    image = tf.where(column(better, best.image), found.image, best.image)
    return Nearest(image, tf.where(better, found.distance, best.distance))


def last_search(
    margin: Callable[[tf.Tensor], tf.Tensor], clean: tf.Tensor, best: tf.Tensor
) -> tf.Tensor:
    """Returns misclassified images between `clean` and `best`, [active, ...], near the boundary.

    Source: Croce and Hein 2020 (FAB), section 2.4: three steps of the secant method for the
    margin on the segment. Departure: each step tries a point a tenth beyond the secant's zero,
    which would otherwise often fall on the wrong side by rounding.

    Args:
        margin: of images [active, ...] to [active], positive where misclassified.
        clean: images with negative margin.
        best: misclassified images, or clean ones where there is none, which are returned.
    """

    def at(share: tf.Tensor) -> tf.Tensor:
        return clean + column(share, best) * (best - clean)

    near, far = tf.zeros(tf.shape(best)[:1]), tf.ones(tf.shape(best)[:1])
    below, above = margin(at(near)), margin(at(far))
    for _ in range(SEARCH_STEPS):
        zero = near + (far - near) * tf.math.divide_no_nan(below, below - above)
        share = zero + BEYOND_ZERO * (far - zero)
        height = margin(at(share))
        beyond = height > 0
        near, below = tf.where(beyond, near, share), tf.where(beyond, below, height)
        far, above = tf.where(beyond, share, far), tf.where(beyond, height, above)
    return tf.where(column(far < 1.0, best), at(far), best)
