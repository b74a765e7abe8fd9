"""The one place where [batch] becomes a number.

loss = mean_over_replicas(judged.loss)
"""

from __future__ import annotations

import tensorflow as tf


def num_replicas() -> int:
    """Returns how many replicas train together; 1 without a strategy."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def mean_over_replicas(values: tf.Tensor) -> tf.Tensor:
    """Returns this replica's share of the mean over the global batch, a scalar.

    Keras sums gradients over replicas, so the shares must add up to the mean.

    Args:
        values: [batch] float32, this replica's rows; all replicas have as many.
    """
    return tf.reduce_mean(values) / num_replicas()


def gather_over_replicas(values: tf.Tensor) -> tf.Tensor:
    """Returns the rows of all replicas, [global batch], on every replica."""
    if num_replicas() == 1:
        return values
    return tf.distribute.get_replica_context().all_gather(values, axis=0)
