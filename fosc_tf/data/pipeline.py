"""Batches: shuffled and augmented for training, in order for the test.

    batches = train_batches(image, label, batch_size=128, seed=0, augment=CropFlip())
    for batch in batches.take(1):
        batch["image"]      # float32 [128, 32, 32, 3] in [0, 1]

Every number drawn is a function of (seed, epoch, position), position being the batch's number
within its epoch. A stream started at (epoch, position) is therefore the rest of the whole stream,
bit by bit, and an interrupted run goes on as if it had not been.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.data.augment import Augmentation
from fosc_tf.data.checks import check_images, check_labels, check_lengths
from fosc_tf.data.held_out import Part
from fosc_tf.data.mixed import rows_of_extra, spread
from fosc_tf.data.order import fold, index_batches, steps_per_epoch
from fosc_tf.number import whole


def train_batches(
    image: np.ndarray,
    label: np.ndarray,
    *,
    batch_size: int,
    seed: int,
    augment: Augmentation | None,
    start_epoch: int = 0,
    start_position: int = 0,
    epochs: int | None = None,
    ids: np.ndarray | None = None,
    extra: Part | None = None,
    extra_share: float = 0.5,
) -> tf.data.Dataset:
    """Returns training batches; each epoch is a permutation less the remainder of n / batch_size.

    With `extra` the epochs are those of `image`, of which a batch then has fewer; the extra images
    come in permutations of their own.

    Args:
        image: [n, height, width, channels], uint8, or floating in [0, 1].
        label: integers [n].
        batch_size: images of the GLOBAL batch.
        seed: >= 0; decides order and augmentation.
        augment: for example `CropFlip()`, or None.
        start_epoch: epoch of the first batch.
        start_position: number of the first batch within that epoch, 0 to steps_per_epoch.
        epochs: the epoch to stop before, counted from 0 whatever the start; None never stops.
        ids: integers [n] that name the images, by default 0 to n - 1.
        extra: further images with labels and ids, a share of each batch, or None.
        extra_share: in (0, 1).

    Returns:
        Dicts of "image" float32 [batch, height, width, channels] in [0, 1], "label" int32 [batch],
        "id" int64 [batch] and, with `augment`, what it drew: "crop" int32 [batch, 2] and
        "flip" bool [batch] for `CropFlip`. All shapes are static. Not sharded: each worker sees
        every global batch and takes its own rows.

    Raises:
        UserError: for arrays or numbers that are not as above.
    """
    _check(image, label)
    ids = np.arange(len(image)) if ids is None else np.asarray(ids)
    check_labels(ids, name="ids")
    check_lengths(image, ids, name="image and ids")
    more = 0 if extra is None else rows_of_extra(batch_size, extra_share)
    dataset = index_batches(
        len(image),
        batch_size - more,
        seed=seed,
        start_epoch=start_epoch,
        start_position=start_position,
        epochs=epochs,
    )
    parts = [_Rows(image, label, ids)]
    if extra is not None:
        _check(extra.image, extra.label)
        parts.append(_Rows(extra.image, extra.label, extra.ids))
        before = start_epoch * steps_per_epoch(len(image), batch_size - more) + start_position
        epoch, position = divmod(before, steps_per_epoch(len(extra.image), more))
        others = index_batches(
            len(extra.image), more, seed=seed, start_epoch=epoch, start_position=position
        ).map(lambda epoch, position, index: index)
        dataset = tf.data.Dataset.zip((dataset, others)).map(lambda own, index: (*own, index))
    places = spread(batch_size, more)

    def batch(epoch: tf.Tensor, position: tf.Tensor, *indices: tf.Tensor) -> dict[str, tf.Tensor]:
        found = [part.at(index) for part, index in zip(parts, indices, strict=True)]
        pixels, labels, names = (
            each[0] if extra is None else tf.gather(tf.concat(each, axis=0), places)
            for each in zip(*_alike(found), strict=True)
        )
        parameters = {}
        if augment is not None:
            parameters = augment.draw(fold(seed, epoch, position + 1), batch_size)
            pixels = augment.apply(pixels, parameters)  # on uint8: a quarter of the bytes
        return {
            "image": _to_float(pixels),
            "label": labels,
            "id": names,
            **parameters,
        }

    return _finish(dataset.map(batch, num_parallel_calls=tf.data.AUTOTUNE))


class _Rows:
    """Images, labels and ids in main memory, of which batches take rows."""

    def __init__(self, image: np.ndarray, label: np.ndarray, ids: np.ndarray) -> None:
        self.image, self.ids = _host(image), _host(ids, np.int64)
        self.label = _host(label, np.int32)

    def at(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns the rows of all three."""
        return tuple(tf.gather(each, index) for each in (self.image, self.label, self.ids))


def _alike(found: list[tuple[tf.Tensor, ...]]) -> list[tuple[tf.Tensor, ...]]:
    """Returns the parts with pixels of one dtype: bytes if all have them."""
    if len({pixels.dtype for pixels, *_ in found}) == 1:
        return found
    return [(_to_float(pixels), *rest) for pixels, *rest in found]


def test_batches(image: np.ndarray, label: np.ndarray, *, batch_size: int) -> tf.data.Dataset:
    """Returns all images once and in order; the last batch may be smaller.

    Args:
        image: [n, height, width, channels], uint8, or floating in [0, 1].
        label: integers [n].
        batch_size: >= 1.

    Returns:
        Tuples (image, label): float32 [batch, height, width, channels] in [0, 1], int32 [batch].

    Raises:
        UserError: for arrays or numbers that are not as above.
    """
    _check(image, label)
    whole("batch_size", batch_size, least=1)
    images, labels = _host(image), _host(label, np.int32)

    def batch(first: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        rows = slice(first, first + batch_size)
        return _to_float(images[rows]), labels[rows]

    dataset = tf.data.Dataset.range(0, len(image), batch_size)
    return _finish(dataset.map(batch, num_parallel_calls=tf.data.AUTOTUNE))


test_batches.__test__ = False  # pytest would collect it for its name


def _check(image: np.ndarray, label: np.ndarray) -> None:
    check_images(image, uint8=True)
    check_labels(label)
    check_lengths(image, label)


def _host(array: np.ndarray, dtype: Any = None) -> tf.Tensor:
    """Returns an eager tensor in main memory, which `map` captures by reference.

    An array used inside `map` itself would become a constant of its graph, copied and serialised.
    """
    array = np.asarray(array)
    if dtype is None:
        dtype = np.uint8 if array.dtype == np.uint8 else np.float32
    with tf.device("CPU:0"):  # on a GPU machine the data set would fill the GPU
        return tf.constant(array.astype(dtype, copy=False))


def _to_float(pixels: tf.Tensor) -> tf.Tensor:
    return tf.cast(pixels, tf.float32) / 255.0 if pixels.dtype == tf.uint8 else pixels


def _finish(dataset: tf.data.Dataset) -> tf.data.Dataset:
    options = tf.data.Options()
    options.deterministic = True
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.with_options(options).prefetch(tf.data.AUTOTUNE)
