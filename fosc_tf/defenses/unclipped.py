"""Noise in the ball around images that nothing clips to [0, 1], as single-step defenses add it.

near = noisy(batch.image, ball.get("linf"), 8 / 255, seed)
"""

from __future__ import annotations

import tensorflow as tf

from fosc_tf.attacks.ball import Ball, wide
from fosc_tf.replicas import rows_of_global_batch


def noisy(image: tf.Tensor, ball: Ball, radius: float | tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Returns `image` plus noise uniform in the ball; where it is black or white, beyond [0, 1].

    Args:
        image: [batch, ...] float32, this replica's rows.
        ball: the geometry of the norm.
        radius: of the ball, a scalar or [batch].
        seed: [2] int64, stateless; with it the global batch has the same noise on all replicas.
    """
    shape = tf.shape(image)
    features = tf.reduce_prod(shape[1:])
    noise = rows_of_global_batch(
        lambda rows: ball.uniform(tf.stack([rows, features]), seed, 1.0), shape[0]
    )
    return image + wide(radius, image) * tf.reshape(noise, shape)
