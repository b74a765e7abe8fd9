"""What one gradient tells: the network's logits, the loss, and how the loss rises with the image.

logits, loss, gradient = slope(network, image, lambda logits: margin(logits, label))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from fosc_tf.errors import UserError


class Slope(NamedTuple):
    """`logits` [batch, classes], `loss` [batch], `gradient` [batch, ...] of each own loss."""

    logits: tf.Tensor
    loss: tf.Tensor
    gradient: tf.Tensor


def input_gradient(tape: tf.GradientTape, value: tf.Tensor, image: tf.Tensor) -> tf.Tensor | None:
    """Returns the gradient of `value` at `image`; None where there is none, or TensorFlow knows
    none of an operation in between."""
    try:
        return tape.gradient(value, image)
    except LookupError:
        return None


def slope(network: Any, image: tf.Tensor, loss: Callable[[tf.Tensor], tf.Tensor]) -> Slope:
    """Returns logits, loss and gradient at `image`, float32, for one gradient an example.

    Args:
        network: maps images to logits; called with `training=False`, its weights are not watched.
        image: [batch, ...] float32.
        loss: of logits [batch, classes] to [batch].

    Raises:
        UserError: the logits do not depend on the images in a differentiable way.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(image)
        logits = tf.cast(network(image, training=False), tf.float32)
        height = loss(logits)
    # The gradient of a vector is that of its sum: each example keeps its own gradient.
    gradient = input_gradient(tape, height, image)
    if gradient is None:
        raise UserError(
            "the network must be differentiable from its images to its logits",
            "a Keras model or an exported SavedModel of one; Square needs no gradient",
            f"{type(network).__name__}, whose logits have no gradient",
        )
    # Networks for images of any size lose the static shape, which loops want to keep.
    gradient.set_shape(image.shape)
    return Slope(logits, height, gradient)
