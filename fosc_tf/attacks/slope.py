"""What one gradient tells: the network's logits, the loss, and how the loss rises with the image.

logits, loss, gradient = slope(network, image, lambda logits: margin(logits, label))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from fosc_tf.attacks.ball import column
from fosc_tf.errors import UserError


class Slope(NamedTuple):
    """`logits` [batch, classes], `loss` [batch], `gradient` [batch, ...] of each own loss."""

    logits: tf.Tensor
    loss: tf.Tensor
    gradient: tf.Tensor


def input_gradient(
    tape: tf.GradientTape, value: tf.Tensor, image: tf.Tensor, upstream: tf.Tensor | None = None
) -> tf.Tensor | None:
    """Returns the gradient of `value` at `image`, weighted by `upstream` if given; None where there
    is none, or TensorFlow knows none of an operation in between."""
    try:
        return tape.gradient(value, image, output_gradients=upstream)
    except LookupError:
        return None


def slope(network: Any, image: tf.Tensor, loss: Callable[[tf.Tensor], tf.Tensor]) -> Slope:
    """Returns logits, loss and gradient at `image`, float32, for one gradient an example.

    The gradient of a confident network is small, and one that computes in float16 would round it to
    0 on its way back. So each example's own goes back through the network at a size near 1 and gets
    its size again afterwards; the factor is a power of two, which changes no digit.

    Args:
        network: maps images to logits; called with `training=False`, its weights are not watched.
        image: [batch, ...] float32.
        loss: of logits [batch, classes] to [batch].

    Raises:
        UserError: a loss of another shape; logits that do not depend on the images in a
            differentiable way.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(image)
        logits = tf.cast(network(image, training=False), tf.float32)
    with tf.GradientTape(watch_accessed_variables=False) as of_loss:
        of_loss.watch(logits)
        height = loss(logits)
    shape = tf.TensorShape(getattr(height, "shape", ()))
    if shape.rank is not None and not shape.is_compatible_with(logits.shape[:1]):
        raise UserError(
            "the attack loss must return one number for each example",
            "a loss of shape [batch], of no mean over the batch",
            f"a loss of shape {list(shape)} for logits of {list(logits.shape)}",
        )
    # The gradient of a vector is that of its sum: each example keeps its own gradient.
    upstream, gradient = of_loss.gradient(height, logits), None
    if upstream is not None:
        size = _power_of_two(tf.reduce_max(tf.abs(upstream), axis=1))
        gradient = input_gradient(tape, logits, image, upstream / size[:, None])
    if gradient is None:
        raise UserError(
            "the network must be differentiable from its images to its logits",
            "a Keras model or an exported SavedModel of one; Square needs no gradient",
            f"{type(network).__name__}, whose logits have no gradient",
        )
    gradient *= column(size, image)
    # Networks for images of any size lose the static shape, which loops want to keep.
    gradient.set_shape(image.shape)
    return Slope(logits, height, gradient)


def _power_of_two(x: tf.Tensor) -> tf.Tensor:
    """Returns the largest power of two that is at most `x` > 0 float32; 1 for what is too small or
    too large to be divided by."""
    power = tf.bitcast(tf.bitwise.bitwise_and(tf.bitcast(x, tf.int32), 0x7F800000), tf.float32)
    return tf.where((power > 2.0**-120) & (power < 2.0**120), power, tf.ones_like(power))
