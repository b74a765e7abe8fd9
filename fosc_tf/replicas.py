"""What replicas that train together share: rows of the global batch, and variables kept equal.

    noise = rows_of_global_batch(lambda rows: tf.random.stateless_uniform([rows, 784], seed), batch)

Whatever differs by example is made for the GLOBAL batch and cut, so that one replica and two
replicas of half the batch see the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf


def num_replicas() -> int:
    """Returns how many replicas train together; 1 without a strategy."""
    return tf.distribute.get_strategy().num_replicas_in_sync


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


def gather_over_replicas(values: tf.Tensor) -> tf.Tensor:
    """Returns the rows of all replicas, [global batch, ...], on every replica."""
    if num_replicas() == 1:
        return values
    # Of what comes straight from a batch TensorFlow does not know the device.
    return tf.distribute.get_replica_context().all_gather(tf.identity(values), axis=0)


def sum_over_replicas(tensors: list[tf.Tensor | None]) -> list[tf.Tensor | None]:
    """Returns the sums over the replicas, on every replica; None stays None."""
    if num_replicas() == 1:
        return tensors
    known = [tensor for tensor in tensors if tensor is not None]
    context = tf.distribute.get_replica_context()
    sums = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, known))
    return [None if tensor is None else next(sums) for tensor in tensors]


def global_mean(values: tf.Tensor) -> tf.Tensor:
    """Returns the mean of `values` [batch, ...] over the examples of all replicas, on each of them.

    It has a gradient; all replicas have as many examples.
    """
    (total,) = sum_over_replicas([tf.reduce_mean(values)])
    return total / num_replicas()


# These write to the copy that this replica holds. Every replica must write the same; a strategy's
# own assignment would take an agreement of all replicas, which some kinds of variables refuse.


def put(variable: keras.Variable, value: tf.Tensor) -> None:
    """Writes `value` into `variable`."""
    tf.raw_ops.AssignVariableOp(resource=variable.handle, value=value)


def add(variable: keras.Variable, value: tf.Tensor) -> None:
    """Adds `value` to `variable`."""
    tf.raw_ops.AssignAddVariableOp(resource=variable.handle, value=value)


def rows_of(variable: keras.Variable, places: tf.Tensor) -> tf.Tensor:
    """Returns the rows `places` [n] of `variable`, [n, ...].

    Reading the whole of what `put_rows` writes to would copy it, as long as there are rows.
    """
    return tf.raw_ops.ResourceGather(
        resource=variable.handle, indices=places, dtype=tf.as_dtype(variable.dtype)
    )


def put_rows(variable: keras.Variable, places: tf.Tensor, values: tf.Tensor) -> None:
    """Writes `values` [n, ...] into the rows `places` [n] of `variable`, which stays where it is.

    Assigning the whole tensor would cost as much as there are rows.
    """
    tf.raw_ops.ResourceScatterUpdate(resource=variable.handle, indices=places, updates=values)
