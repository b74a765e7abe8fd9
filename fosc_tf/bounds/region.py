"""The images that bounds speak of: a ball around each image, cut to [0, 1].

region = Region.around(image, epsilon=0.1, norm="linf")
region.lower, region.upper
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from fosc_tf.bounds.primitives import dot, root
from fosc_tf.errors import unknown_name

NORMS = ("linf", "l2", "l1")


class Region(NamedTuple):
    """The ball of radius `epsilon` around `image`, as a rule intersected with [0, 1].

    Attributes:
        image: [batch, ...] in [0, 1].
        epsilon: scalar, [batch, 1, ...] or, with linf, of the images' shape: a radius of each
            pixel; their dtype.
        norm: "linf", "l2" or "l1".
        lower: [batch, ...], the least that a pixel may be.
        upper: [batch, ...], the largest.
    """

    image: tf.Tensor
    epsilon: tf.Tensor
    norm: str
    lower: tf.Tensor
    upper: tf.Tensor

    @classmethod
    def around(
        cls,
        image: tf.Tensor,
        epsilon: float | tf.Tensor,
        norm: str = "linf",
        *,
        dtype: str = "float32",
        cut: bool = True,
    ) -> Region:
        """Returns the region.

        Args:
            image: [batch, ...] in [0, 1].
            epsilon: scalar, [batch], or with linf [batch, ...] as the image.
            norm: "linf", "l2" or "l1".
            dtype: of all that is found in the region.
            cut: to [0, 1].

        Raises:
            UserError: an unknown norm.
        """
        if norm not in NORMS:
            raise unknown_name("norm", norm, NORMS)
        image, epsilon = tf.cast(image, dtype), tf.cast(epsilon, dtype)
        if epsilon.shape.rank == 1:
            epsilon = tf.reshape(epsilon, [-1] + [1] * (image.shape.rank - 1))
        lower, upper = image - epsilon, image + epsilon
        if cut:
            lower, upper = tf.maximum(lower, 0.0), tf.minimum(upper, 1.0)
        # An image outside of [0, 1] by rounding stays in its own region.
        return cls(image, epsilon, norm, tf.minimum(lower, image), tf.maximum(upper, image))

    def least(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns the least of each linear function over the region, or less, [batch, n].

        Over the box it is exact. Over a ball of another norm it is the larger of what the ball and
        what its box around alone allow.

        Args:
            rows: [batch, n, ...] of the image's shape.
        """
        found = dot(rows, self.upper) + dot(tf.nn.relu(rows), self.lower - self.upper)
        if self.norm == "linf":
            return found
        centre = dot(rows, self.image)
        flat = tf.reshape(rows, tf.concat([tf.shape(rows)[:2], [-1]], axis=0))
        if self.norm == "l2":
            dual = root(tf.reduce_sum(tf.square(flat), axis=2))
        else:
            dual = tf.reduce_max(tf.abs(flat), axis=2)
        return tf.maximum(found, centre - tf.reshape(self.epsilon, [-1, 1]) * dual)
