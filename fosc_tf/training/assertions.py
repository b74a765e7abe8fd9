"""What every batch must be, asked inside the graph, whatever container it comes from.

with in_three_parts():
    batch = asserted(batch, num_classes=10)      # in the train_step that is called in here
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from fosc_tf.data.checks import check_images, check_labels
from fosc_tf.types import Batch

_WHAT = "fosc_tf: {} of a later batch, its classes, NaN values, smallest and largest"
_FOUND = re.compile(_WHAT.format("(image|label)") + r"\] \[(\S+)\] \[(\S+)\] \[(\S+)\] \[(\S+)\]")


def asserted(batch: Batch, num_classes: int | None) -> Batch:
    """Returns the batch with the dtypes of `Batch`, there only once it has been looked at.

    Two comparisons and a few sums for each pixel: nothing beside a gradient. XLA leaves assertions
    out; of what it compiles the first batch alone is looked at.

    Args:
        batch: of any container.
        num_classes: labels are below; None leaves the upper end unchecked.

    Raises:
        UserError: a shape or dtype that is wrong. What its values must be, images finite in [0, 1]
            and labels in range, is asserted; see `in_three_parts`.
    """
    if len(batch.label.shape) != 1 or not batch.label.dtype.is_integer:
        check_labels(np.zeros([2] * len(batch.label.shape), batch.label.dtype.as_numpy_dtype))
    if len(batch.image.shape) != 4 or not batch.image.dtype.is_floating:
        check_images(np.zeros([2] * len(batch.image.shape), batch.image.dtype.as_numpy_dtype))
    batch = batch.cast()
    image, label = batch.image, batch.label
    nan = tf.math.count_nonzero(tf.math.is_nan(image))
    right_image = tf.reduce_all((image >= 0.0) & (image <= 1.0))
    right_label = tf.reduce_all((label >= 0) & (label < (num_classes or label.dtype.max)))
    asked = (("image", right_image, image, nan), ("label", right_label, label, 0))
    looks = [
        tf.debugging.Assert(
            right,
            [_WHAT.format(name), num_classes or 0, nans, tf.reduce_min(x), tf.reduce_max(x)],
        )
        for name, right, x, nans in asked
    ]
    with tf.control_dependencies([look for look in looks if look is not None]):
        return batch._replace(image=tf.identity(image), label=tf.identity(label))


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
        low = np.nan if nans else low
        check_images(np.float32([low, high]).reshape([2, 1, 1, 1]), name="image of a later batch")
        raise
