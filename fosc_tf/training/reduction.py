"""The one place where [batch] becomes a number.

loss = mean_over_replicas(judged.loss)
"""

from __future__ import annotations

import tensorflow as tf

from fosc_tf.replicas import gather_over_replicas, num_replicas

__all__ = ["gather_over_replicas", "keras_logs", "mean_over_replicas", "num_replicas"]


def mean_over_replicas(values: tf.Tensor) -> tf.Tensor:
    """Returns this replica's share of the mean over the global batch, a scalar.

    Keras sums gradients over replicas, so the shares must add up to the mean.

    Args:
        values: [batch] float32, this replica's rows; all replicas have as many.
    """
    return tf.reduce_mean(values) / num_replicas()


def keras_logs(logs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Returns what a step logs in the form that Keras can reduce.

    With several workers Keras takes the mean over axis 0 of every log, be it a scalar or not.
    """
    if isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy):
        return {name: tf.expand_dims(value, 0) for name, value in logs.items()}
    return logs
