"""A look at the first batch before training starts, so that a mistake costs no run.

first, dataset = first_batch(network, dataset)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fosc_tf.attacks.batch_check import check_batch
from fosc_tf.errors import UserError
from fosc_tf.training.reduction import num_replicas
from fosc_tf.types import Batch


def first_batch(
    network: keras.Model,
    x: Any,
    y: Any = None,
    batch_size: int | None = None,
    *,
    trained_on: bool = True,
) -> tuple[Batch, Any]:
    """Returns the first batch of what is given to `fit`, and what to train on: `x`, or for a
    generator, of which the first batch is gone then, one that gives all of it.

    Args:
        network: maps images to logits.
        x: a `tf.data.Dataset`, a `keras.utils.PyDataset`, a generator, a torch `DataLoader` or
            another iterable of batches; or images, or a dict of arrays.
        y: labels when `x` is images.
        batch_size: of arrays; 32 as in Keras if None.
        trained_on: False for a validation, whose means count examples however replicas share them.

    Raises:
        UserError: images of another shape or out of [0, 1], labels out of range, probabilities
            instead of logits, a first or last batch that the replicas cannot share equally. Of
            other containers than datasets and arrays only the first is known.
    """
    size = batch_size or 32
    if isinstance(x, keras.utils.PyDataset):
        data = x[0]
    elif isinstance(x, dict):
        data = {name: rows[:size] for name, rows in x.items()}
    elif hasattr(x, "shape"):
        data = (x[:size], None if y is None else y[:size])
    else:
        data = next(iter(x), None)
        if isinstance(x, Iterator) and data is not None:
            x = _with_first(data, x)
    if data is None:
        raise UserError("the dataset must not be empty", "at least one batch", "no batch")
    batch = check_batch(network, data)
    size = len(batch.image)
    if not trained_on:
        return batch, x
    if size % num_replicas():
        raise UserError(
            f"the batch must be divisible by the {num_replicas()} replicas",
            f"batch_size={size // num_replicas() * num_replicas() or num_replicas()}",
            f"batch_size={size}",
        )
    _check_last_batch(x, size)
    return batch, x


def check_validation(network: keras.Model, given: Any, batch_size: int | None) -> None:
    """Raises `UserError` where a validation would, after an epoch, for its first batch."""
    if given is None or isinstance(given, Iterator):
        return
    rows = Batch.of(given)[:2] if isinstance(given, tuple) else (given,)
    first_batch(network, *rows, batch_size=batch_size, trained_on=False)


def _with_first(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    """Yields `first` and then the `rest`; Keras takes generators alone of all iterators."""
    yield first
    yield from rest


def _check_last_batch(x: Any, size: int) -> None:
    """Raises `UserError` where the last batch may be one that the replicas cannot share equally.

    Examples of a smaller share would count for more. And where a dataset does not say how long
    its batches are, TensorFlow may give the replicas one more batch of no rows, whose step moves
    the weights by what momentum and weight decay are left.
    """
    replicas = num_replicas()
    if replicas == 1:
        return
    if isinstance(x, tf.data.Dataset):
        specs = tf.nest.flatten(x.element_spec)
        if not all(spec.shape[:1].is_fully_defined() for spec in specs):
            raise UserError(
                f"all batches that {replicas} replicas share must be known to be of one size",
                f"dataset.unbatch().batch({size}, drop_remainder=True)",
                "a dataset whose batches may differ in size",
            )
    elif isinstance(x, np.ndarray | tf.Tensor) and len(x) % size % replicas:
        raise UserError(
            f"the last batch must be divisible by the {replicas} replicas too",
            f"the first {len(x) // replicas * replicas} images and labels",
            f"{len(x)} images in batches of {size}",
        )
