"""The ResNet of 34 layers, for images of CIFAR's size: what robust subnetworks are found in.

network = models.get("resnet34", input_shape=(32, 32, 3), num_classes=10)
small = models.get("resnet34", ..., channels=(23, 23, 25, 27, 29))
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import keras

from fosc_tf.errors import UserError
from fosc_tf.models.layers import Layers
from fosc_tf.models.registry import register
from fosc_tf.number import inside, whole

_CHANNELS = (64, 64, 128, 256, 512)  # of the stem and of the stages
_BLOCKS = (3, 4, 6, 3)


@register("resnet34", convolution_init=keras.initializers.HeNormal)
def resnet34(
    make: Layers, x: keras.KerasTensor, *, width: float = 1.0, channels: Sequence[int] = ()
) -> keras.KerasTensor:
    """Stem of 64 filters, 4 stages of 3, 4, 6, 3 blocks with 64, 128, 256, 512 filters.

    A block is two 3x3 convolutions, each with batch normalisation; a 1x1 convolution with its own
    is the shortcut where the shape changes. The kernels of all 37 layers are 21,265,088 weights.

    Source: He et al., Deep Residual Learning for Image Recognition (CVPR 2016), table 1; Liu's
    thesis, chapter 5.1. Convolutions carry no bias and start He-normal (fan in), the last layer
    Glorot-uniform.
    Departures: a 3x3 stem of stride 1 and no max pool, the usual form for 32x32 images; the last
    layer has a bias, which `fosc_tf.subnetworks.masked` leaves out as the thesis does; batch
    normalisation and padding as in `preact_body`.

    Args:
        width: factor above 0 on the filters of all stages, rounded up.
        channels: of the stem and of the four stages, instead of those; with width 1. The thesis
            compares with (23, 23, 25, 27, 29) and (6, 6, 13, 26, 51), of its Table 5.6, which have
            about the weights that a rate of 0.99 leaves.
    """
    width = inside("width", width, "width=1.0", ends="()")
    if channels and (len(channels) != len(_CHANNELS) or width != 1.0):
        raise UserError(
            "channels are those of the stem and of four stages, which no width scales",
            "channels=(23, 23, 25, 27, 29), or channels=()",
            f"channels={tuple(channels)!r} with width={width}",
        )
    stem, *stages = (whole("channels", each, least=1) for each in channels or _scaled(width))
    x = make.conv(stem, use_bias=False, name="stem_conv")(x)
    x = make.batch_norm(name="stem_bn")(x)
    x = keras.layers.ReLU(name="stem_relu")(x)
    for stage, (filters, blocks) in enumerate(zip(stages, _BLOCKS, strict=True), start=1):
        for block in range(1, blocks + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            x = _block(make, x, filters, strides, f"stage{stage}_block{block}")
    return keras.layers.GlobalAveragePooling2D(name="average")(x)


def _scaled(width: float) -> list[int]:
    return [math.ceil(each * width) for each in _CHANNELS]


def _block(
    make: Layers, x: keras.KerasTensor, filters: int, strides: int, name: str
) -> keras.KerasTensor:
    conv, shortcut = functools.partial(make.conv, use_bias=False), x
    if strides != 1 or x.shape[-1] != filters:
        shortcut = conv(filters, size=1, strides=strides, name=f"{name}_projection")(x)
        shortcut = make.batch_norm(name=f"{name}_projection_bn")(shortcut)
    x = conv(filters, strides=strides, name=f"{name}_conv1")(x)
    x = make.batch_norm(name=f"{name}_bn1")(x)
    x = keras.layers.ReLU(name=f"{name}_relu1")(x)
    x = conv(filters, name=f"{name}_conv2")(x)
    x = make.batch_norm(name=f"{name}_bn2")(x)
    x = keras.layers.Add(name=f"{name}_add")([shortcut, x])
    return keras.layers.ReLU(name=f"{name}_relu2")(x)
