"""Where the climb starts: on the clean image or at a random point of the ball.

start = get("uniform")
start(image, ball, epsilon, seed, step)      # in the ball and in [0, 1]
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from fosc_tf.attacks.ball import L1, L2, Linf
from fosc_tf.attacks.replicas import rows_of_global_batch
from fosc_tf.errors import unknown_name

Ball = Linf | L2 | L1
Start = Callable[[tf.Tensor, Ball, tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


def clean(
    image: tf.Tensor, ball: Ball, epsilon: tf.Tensor, seed: tf.Tensor, step: tf.Tensor
) -> tf.Tensor:
    """Returns the clean images [batch, ...] themselves."""
    del ball, epsilon, seed, step
    return image


def uniform(
    image: tf.Tensor, ball: Ball, epsilon: tf.Tensor, seed: tf.Tensor, step: tf.Tensor
) -> tf.Tensor:
    """Returns points uniform in the ball, then clipped to [0, 1] (Madry et al. 2018).

    Args:
        image: [batch, ...] float32, clean.
        ball: the geometry of the norm.
        epsilon: its radius.
        seed: [2] int64, stateless.
        step: weight updates done so far; other starts may depend on it.
    """
    del step
    batch = tf.shape(image)[0]
    features = tf.reduce_prod(tf.shape(image)[1:])
    noise = rows_of_global_batch(
        lambda rows: ball.uniform(tf.stack([rows, features]), seed, epsilon), batch
    )
    return ball.project(image + tf.reshape(noise, tf.shape(image)), image, epsilon)


_STARTS: dict[str, Start] = {"clean": clean, "uniform": uniform}


def get(start: str | Start) -> Start:
    """Returns the start of that name, or `start` itself when it is a function."""
    if callable(start):
        return start
    if start not in _STARTS:
        raise unknown_name("attack start", start, _STARTS)
    return _STARTS[start]
