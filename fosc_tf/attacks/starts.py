"""Where the climb starts: on the clean image or at a random point of the ball.

start = get("uniform")
start(batch, ball, epsilon, seed, step)      # in the ball and in [0, 1]
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from fosc_tf.attacks.ball import Ball, wide
from fosc_tf.number import number
from fosc_tf.registry import Registry
from fosc_tf.replicas import rows_of_global_batch
from fosc_tf.types import Batch

Start = Callable[[Batch, Ball, tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
STARTS = Registry("attack start", ("batch", "ball", "epsilon", "seed", "step"))
register, names, get = STARTS.register, STARTS.names, STARTS.find


def clean(
    batch: Batch, ball: Ball, epsilon: tf.Tensor, seed: tf.Tensor, step: tf.Tensor
) -> tf.Tensor:
    """Returns the clean images [batch, ...] themselves."""
    del ball, epsilon, seed, step
    return batch.image


def uniform(
    batch: Batch, ball: Ball, epsilon: tf.Tensor, seed: tf.Tensor, step: tf.Tensor
) -> tf.Tensor:
    """Returns points uniform in the ball, then clipped to [0, 1] (Madry et al. 2018).

    Args:
        batch: clean images [batch, ...] float32, and what is known of them.
        ball: the geometry of the norm.
        epsilon: its radius, a scalar or [batch].
        seed: [2] int64, stateless.
        step: batches trained on so far; other starts may depend on it.
    """
    del step
    apart = epsilon.shape.rank > 0
    # The ball of radius 1 is the same for the rows of all replicas.
    radius = 1.0 if apart else epsilon
    noise = of_global_batch(batch, lambda shape: ball.uniform(shape, seed, radius))
    if apart:
        noise = wide(epsilon, noise) * noise
    return ball.project(batch.image + noise, batch.image, epsilon)


@register("normal")
def normal(deviation: float = 0.001) -> Start:
    """Returns the start at the clean image plus Gaussian noise, as TRADES has it.

    Source: the code of Zhang et al. 2019.

    Args:
        deviation: of each pixel.

    Raises:
        UserError: no number.
    """
    number("deviation", deviation, "deviation=0.001")

    def start(
        batch: Batch, ball: Ball, epsilon: tf.Tensor, seed: tf.Tensor, step: tf.Tensor
    ) -> tf.Tensor:
        del step
        noise = of_global_batch(batch, lambda shape: tf.random.stateless_normal(shape, seed))
        return ball.project(batch.image + deviation * noise, batch.image, epsilon)

    start.__name__ = f"normal_{deviation:g}"
    return start


def of_global_batch(batch: Batch, draw: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
    """Returns this replica's rows of `draw([rows of all replicas, features])`, as images.

    One replica and several of a part of the batch each thus see the same noise.
    """
    features = tf.reduce_prod(tf.shape(batch.image)[1:])
    noise = rows_of_global_batch(
        lambda rows: draw(tf.stack([rows, features])), tf.shape(batch.image)[0]
    )
    return tf.reshape(noise, tf.shape(batch.image))


register("clean")(lambda: clean)
register("uniform")(lambda: uniform)
