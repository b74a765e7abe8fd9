"""The convolution of a layer with another kernel than its own.

hidden = convolved(image, scale * layer.kernel, layer)
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def convolved(x: tf.Tensor, kernel: tf.Tensor, layer: Any) -> tf.Tensor:
    """Returns the convolution of `x` with the strides, padding and dilation of a `Conv2D`.

    Args:
        x: [batch, height, width, channels].
        kernel: [height, width, channels, filters], of one group.
        layer: with channels last.
    """
    # Without its layout TensorFlow cannot derive this twice outside a graph.
    return tf.nn.convolution(
        x,
        kernel,
        layer.strides,
        layer.padding.upper(),
        data_format="NHWC",
        dilations=layer.dilation_rate,
    )
