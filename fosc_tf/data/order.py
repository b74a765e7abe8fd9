"""In what order images come: one permutation an epoch, cut into batches of indices.

    for epoch, position, index in index_batches(1437, 128, seed=0, epochs=2):
        ...  # index: int32 [128], rows of the training set

A batch is known by its epoch and its position, the batch's number within the epoch, and what it
holds is a function of (seed, epoch, position) alone: a stream may start anywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.number import whole

_ENDLESS = np.iinfo(np.int64).max


def steps_per_epoch(n: int, batch_size: int) -> int:
    """Returns the number of full batches in `n` images; more than `n` in one is a `UserError`."""
    whole("batch_size", batch_size, least=1)
    if batch_size > n:
        raise UserError(
            "batch_size must not exceed the number of images",
            f"batch_size of at most {n}",
            f"batch_size={batch_size}",
        )
    return n // batch_size


def index_batches(
    n: int,
    batch_size: int,
    *,
    seed: int,
    start_epoch: int = 0,
    start_position: int = 0,
    epochs: int | None = None,
) -> tf.data.Dataset:
    """Returns the indices of every batch from the start on.

    Args:
        n: the number of images.
        batch_size: images in a batch; the n % batch_size last of each permutation are dropped.
        seed: >= 0; decides the permutations.
        start_epoch: epoch of the first batch.
        start_position: number of the first batch within that epoch, 0 to steps_per_epoch.
        epochs: the epoch to stop before, counted from 0 whatever the start; None never stops.

    Returns:
        Tuples (epoch, position, index): int64 [], int64 [], int32 [batch].

    Raises:
        UserError: for numbers that are not as above.
    """
    steps = steps_per_epoch(n, batch_size)
    whole("seed", seed, least=0, below=2**63)
    _check_start(start_epoch, start_position, epochs, steps)

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        # Philox by name: the default algorithm depends on the device.
        key = tf.random.stateless_uniform(
            [n], fold(seed, epoch, 0), None, None, tf.int64, alg="philox"
        )
        order = tf.argsort(key)[: steps * batch_size]
        order = tf.reshape(order, [steps, batch_size])
        first = tf.where(epoch == start_epoch, tf.constant(start_position, tf.int64), 0)
        position = tf.range(first, steps, dtype=tf.int64)  # [steps left]
        return tf.data.Dataset.from_tensor_slices(
            (tf.fill(tf.shape(position), epoch), position, order[first:])
        )

    last = _ENDLESS if epochs is None else epochs
    left = tf.data.INFINITE_CARDINALITY
    if epochs is not None:
        left = max((epochs - start_epoch) * steps - start_position, 0)
    dataset = tf.data.Dataset.range(start_epoch, last).flat_map(one_epoch)
    return dataset.apply(tf.data.experimental.assert_cardinality(left))


def fold(seed: int, epoch: Any, use: Any) -> tf.Tensor:
    """Returns an int64 seed [2] for one use within an epoch: 0 the order, 1 + position a batch.

    Folding keeps it apart from the plain (seed, step) pairs that attacks draw from.
    """
    pair = tf.stack([tf.constant(seed, tf.int64), tf.cast(epoch, tf.int64)])
    return tf.random.fold_in(pair, tf.cast(use, tf.int64), alg="philox")


def _check_start(epoch: int, position: int, epochs: int | None, steps: int) -> None:
    whole("start_epoch", epoch, least=0)
    whole("start_position", position, least=0)
    if epochs is not None:
        whole("epochs", epochs, least=0)
    if position > steps or (epochs is not None and epoch > epochs):
        most = "" if epochs is None else f" and start_epoch of at most {epochs}"
        raise UserError(
            "the start must lie within the training run",
            f"start_position of at most {steps} batches{most}",
            f"start_position={position}, start_epoch={epoch}",
        )
