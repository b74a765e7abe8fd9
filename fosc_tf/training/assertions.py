"""What every batch must be, asked inside the graph, whatever container it comes from.

with in_three_parts():
    batch = asserted(batch, num_classes=10)      # in the train_step that is called in here
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.data.checks import check_images, check_labels
from fosc_tf.errors import UserError
from fosc_tf.types import Batch

_WHAT = "fosc_tf: {} of a later batch, its classes, NaN values, smallest and largest"
_FOUND = re.compile(_WHAT.format("(image|label)") + r"\] \[(\S+)\] \[(\S+)\] \[(\S+)\] \[(\S+)\]")


def asserted(
    batch: Batch, num_classes: int | None, shape: Sequence[int | None] | None = None
) -> Batch:
    """Returns the batch with the dtypes of `Batch`, there only once it has been looked at.

    Two comparisons and a few sums for each pixel: nothing beside a gradient. XLA leaves assertions
    out; of what it compiles the first batch alone is looked at.

    Args:
        batch: of any container.
        num_classes: labels are below; None leaves the upper end unchecked.
        shape: (height, width, channels) that the network takes; None leaves it unchecked.

    Raises:
        UserError: a shape or dtype that is wrong. What its values must be, images finite in [0, 1]
            and labels in range, is asserted; see `in_three_parts`.
    """
    if len(batch.label.shape) != 1 or not batch.label.dtype.is_integer:
        check_labels(np.zeros([2] * len(batch.label.shape), batch.label.dtype.as_numpy_dtype))
    image = asserted_image(batch.image, shape)
    label = batch.cast().label
    right = tf.reduce_all((label >= 0) & (label < (num_classes or label.dtype.max)))
    look = _look("label", right, num_classes or 0, 0, label)
    with tf.control_dependencies(look):
        return batch._replace(image=image, label=tf.identity(label))


def asserted_image(image: tf.Tensor, shape: Sequence[int | None] | None = None) -> tf.Tensor:
    """Returns images alone as float32, looked at as `asserted` does.

    Raises:
        UserError: a shape or dtype that is wrong.
    """
    if len(image.shape) != 4 or not image.dtype.is_floating:
        check_images(np.zeros([2] * len(image.shape), image.dtype.as_numpy_dtype))
    check_shape(image.shape[1:], shape)
    image = tf.cast(image, tf.float32)
    nans = tf.math.count_nonzero(tf.math.is_nan(image))
    right = tf.reduce_all((image >= 0.0) & (image <= 1.0))
    with tf.control_dependencies(_look("image", right, 0, nans, image)):
        return tf.identity(image)


def _look(name: str, right: tf.Tensor, classes: int, nans: Any, x: tf.Tensor) -> list[Any]:
    told = [_WHAT.format(name), classes, nans, tf.reduce_min(x), tf.reduce_max(x)]
    look = tf.debugging.Assert(right, told)
    return [] if look is None else [look]


def check_shape(
    received: Sequence[int | None] | None, expected: Sequence[int | None] | None
) -> None:
    """Raises `UserError` where images of a known shape are not for the network."""
    if received is None or expected is None:
        return
    pairs = zip(received, expected, strict=False)
    if len(received) != len(expected) or any(
        None not in both and both[0] != both[1] for both in pairs
    ):
        raise UserError(
            "images must have the shape that the network takes",
            f"[batch, {', '.join(map(str, expected))}]",
            f"[batch, {', '.join(map(str, received))}]",
        )


@contextlib.contextmanager
def in_three_parts() -> Iterator[None]:
    """Raises `UserError` for what `asserted` found within the block."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        found = _FOUND.search(str(error))
        if found is None:
            raise
        what, (classes, nans, low, high) = found[1], map(float, found.groups()[1:])
        if what == "label":
            values = np.int64([low, high])
            check_labels(values, int(classes) or None, name="label of a later batch")
        values = np.full(int(nans), np.nan, np.float32) if nans else np.float32([low, high])
        check_images(values.reshape([-1, 1, 1, 1]), name="image of a later batch")
        raise
