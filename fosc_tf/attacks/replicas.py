"""Rows of the global batch: what one replica's examples are among those of all replicas.

    noise = rows_of_global_batch(lambda rows: tf.random.stateless_uniform([rows, 784], seed), batch)

Whatever differs by example is made for the GLOBAL batch and cut, so that one replica and two
replicas of half the batch see the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def rows_of_global_batch(make: Callable[[tf.Tensor], tf.Tensor], batch: tf.Tensor) -> tf.Tensor:
    """Returns this replica's `batch` rows of `make(rows of all replicas)`.

    Args:
        make: returns a tensor with as many rows as it is asked for.
        batch: int32 scalar, rows of this replica; all replicas have as many.
    """
    context = tf.distribute.get_replica_context()
    replicas = 1 if context is None else context.strategy.num_replicas_in_sync
    if replicas == 1:
        return make(batch)
    mine = tf.cast(context.replica_id_in_sync_group, tf.int32)
    return make(batch * replicas)[mine * batch : (mine + 1) * batch]
