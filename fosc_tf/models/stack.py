"""Convolutions, then hidden dense layers, each with its activation: one after another.

SMALL = (Convolution(16, 4, 2, 1), Convolution(32, 4, 1, 1))
x = stack(make, image, convolutions=SMALL, dense=(100,))       # -> [batch, 100]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras

from fosc_tf.models.activation import activation_layer
from fosc_tf.models.layers import Layers
from fosc_tf.number import flag


class Convolution(NamedTuple):
    """A size x size convolution of an image with `padding` rows of zeros on every side."""

    filters: int
    size: int
    strides: int
    padding: int


def stack(
    make: Layers,
    x: keras.KerasTensor,
    *,
    convolutions: Sequence[Convolution] = (),
    dense: Sequence[int],
    activation: str = "relu",
    batch_norm: bool = False,
) -> keras.KerasTensor:
    """Returns features [batch, last of `dense`] of images [batch, height, width, channels].

    Every layer has a bias, also before batch normalisation.

    Args:
        make: makes the layers with weights.
        x: the images.
        convolutions: in their order.
        dense: units of each hidden dense layer.
        activation: after each of them: relu, sigmoid or tanh.
        batch_norm: puts batch normalisation before each activation.

    Raises:
        UserError: an unknown activation; a batch_norm that is neither True nor False.
    """
    batch_norm = flag("batch_norm", batch_norm)

    def activated(x: keras.KerasTensor, index: int) -> keras.KerasTensor:
        if batch_norm:
            x = make.batch_norm(name=f"bn{index}")(x)
        return activation_layer(activation, index=index)(x)

    for index, convolution in enumerate(convolutions, start=1):
        x = activated(_convolved(make, x, convolution, index), index)
    x = keras.layers.Flatten(name="flatten")(x)
    for index, units in enumerate(dense, start=1):
        x = activated(make.dense(units, name=f"dense{index}")(x), len(convolutions) + index)
    return x


def smallest_side(convolutions: Sequence[Convolution]) -> int:
    """Returns the least side of an image of which every convolution leaves a pixel."""
    side = 1
    for _, size, strides, padding in reversed(convolutions):
        side = max(1, (side - 1) * strides + size - 2 * padding)
    return side


def _convolved(
    make: Layers, x: keras.KerasTensor, convolution: Convolution, index: int
) -> keras.KerasTensor:
    filters, size, strides, padding = convolution
    # "same" pads size - strides pixels where strides divide the side, the odd one at the far end.
    divided = all(side % strides == 0 for side in x.shape[1:3])
    same = divided and size - strides == 2 * padding
    if padding and not same:
        x = keras.layers.ZeroPadding2D(padding, name=f"padding{index}")(x)
    name, padded = f"conv{index}", "same" if same else "valid"
    return make.conv(filters, size=size, strides=strides, padding=padded, name=name)(x)
