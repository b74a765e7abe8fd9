"""What batches may come in: all that Keras takes, and any iterable that can be gone through again.

x = batches_of(loader)      # an object with __iter__ becomes a tf.data.Dataset
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fosc_tf.errors import UserError


def batches_of(x: Any, y: Any = None) -> Any:
    """Returns `x`, or where Keras would not take it a dataset or generator of the same batches.

    Args:
        x: as given to `fit`, `evaluate` or `predict`.
        y: labels where `x` is images.

    Raises:
        UserError: an iterable without a batch.
    """
    if isinstance(x, Iterator) and not isinstance(x, tf.data.Iterator):
        return _in_tuples(x)
    if y is not None or not _is_list_of_batches(x):
        return x
    first = next(iter(x), None)
    if first is None:
        raise UserError("the dataset must not be empty", "at least one batch", "no batch")

    def spec(array: Any) -> tf.TensorSpec:
        array = np.asarray(array)
        return tf.TensorSpec([None, *array.shape[1:]], array.dtype)

    specs = tf.nest.map_structure(spec, _plain(first))
    dataset = tf.data.Dataset.from_generator(
        lambda: (tf.nest.map_structure(np.asarray, _plain(batch)) for batch in x),
        output_signature=specs,
    )
    if hasattr(x, "__len__"):
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(x)))
    return dataset.prefetch(1)


def validation_of(given: Any) -> Any:
    """Returns `validation_data` as Keras takes it: a pair of arrays in a list is a pair too."""
    if given is None:
        return None
    pair = isinstance(given, tuple | list) and all(hasattr(each, "shape") for each in given)
    return tuple(given) if pair else batches_of(given)


def image_shape(x: Any) -> tuple[int | None, ...] | None:
    """Returns the (height, width, channels) of images in arrays or a dataset; None elsewhere."""
    if isinstance(x, tf.data.Dataset):
        x = x.element_spec
        x = x[0] if isinstance(x, tuple) else x
    if isinstance(x, dict):
        x = x.get("image")
    shape = getattr(x, "shape", None)
    if shape is None or getattr(shape, "rank", 0) is None:
        return None
    return tuple(shape)[1:]


def _is_list_of_batches(x: Any) -> bool:
    taken = (tf.data.Dataset, tf.distribute.DistributedDataset, keras.utils.PyDataset, dict, str)
    if x is None or isinstance(x, taken) or hasattr(x, "shape"):
        return False
    if type(x).__module__.partition(".")[0] in ("torch", "grain"):  # Keras has adapters for them
        return False
    if isinstance(x, list | tuple):  # of arrays it would be one batch of several inputs
        return bool(x) and all(isinstance(batch, dict | tuple | list) for batch in x)
    return isinstance(x, Iterable)


def _plain(batch: Any) -> Any:
    """Returns a batch with tuples for lists, which TensorFlow takes for arrays."""
    return tuple(batch) if isinstance(batch, list) else batch


def _in_tuples(batches: Iterator[Any]) -> Iterator[Any]:
    """Yields dicts in tuples of one, the only way in which Keras takes them from a generator."""
    for batch in batches:
        yield (batch,) if isinstance(batch, dict) or hasattr(batch, "shape") else batch
