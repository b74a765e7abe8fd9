"""A convolution over images of one channel whose gradient for the images is cheap on a CPU.

hidden = grey_convolution(image, kernel)      # tf.nn.conv2d(image, kernel, 1, "SAME")
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import tensorflow as tf


def grey_convolution(image: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Returns `tf.nn.conv2d(image, kernel, 1, "SAME")`.

    TensorFlow computes the gradient for the images as a convolution with a single filter, which on
    a CPU takes several times as long as the convolution itself. Here it is one product of matrices,
    of every tap of the kernel with every place, and a sum of its rows, each moved by its tap: the
    same sums in another order, so equal up to rounding. Second derivatives need an example at
    least: oneDNN gives the convolution of an empty batch the shape of its images.

    Args:
        image: [batch, height, width, 1] float32.
        kernel: [odd height, odd width, 1, filters] float32, its shape known.

    Returns:
        [batch, height, width, filters] float32.
    """
    # TensorFlow keeps every graph with a gradient of one's own for good: so one graph for each pair
    # of shapes, and none for each network.
    specs = [tf.TensorSpec([None, *image.shape[1:]]), tf.TensorSpec(kernel.shape)]
    return _convolution.get_concrete_function(*specs)(image, kernel)


@functools.partial(tf.function, autograph=False)
@tf.custom_gradient
def _convolution(
    image: tf.Tensor, kernel: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
    rows, columns, _, filters = kernel.shape

    def gradients(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        batch, height, width, _ = tf.unstack(tf.shape(upstream))
        taps = tf.matmul(
            tf.reshape(kernel, [-1, filters]),
            tf.reshape(upstream, [-1, filters]),
            transpose_b=True,
        )  # [rows * columns, batch * height * width]
        taps = tf.reshape(taps, [rows, columns, batch, height, width])
        above, left = rows // 2, columns // 2
        taps = tf.pad(taps, [[0, 0], [0, 0], [0, 0], [above, above], [left, left]])
        moved = [
            taps[i, j, :, rows - 1 - i : rows - 1 - i + height, columns - 1 - j :][..., :width]
            for i in range(rows)
            for j in range(columns)
        ]
        for_kernel = tf.raw_ops.Conv2DBackpropFilter(
            input=image,
            filter_sizes=tf.shape(kernel),
            out_backprop=upstream,
            strides=[1, 1, 1, 1],
            padding="SAME",
        )
        return tf.add_n(moved)[..., tf.newaxis], for_kernel

    return tf.nn.conv2d(image, kernel, 1, "SAME"), gradients
