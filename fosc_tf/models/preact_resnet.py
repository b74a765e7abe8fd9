"""Pre-activation ResNets for images of CIFAR's size, and the body that Wide ResNets share.

network = models.get("preact_resnet18", input_shape=(32, 32, 3), num_classes=10)
x = preact_body(make, image, stem=64, filters=(64, 128), blocks=2)      # -> [batch, 128]
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import keras

from fosc_tf.models.layers import Layers
from fosc_tf.models.registry import register


@register("preact_resnet18", convolution_init=keras.initializers.HeNormal)
def preact_resnet18(make: Layers, x: keras.KerasTensor) -> keras.KerasTensor:
    """Stem of 64 filters, 4 stages of 2 blocks with 64, 128, 256, 512 filters.

    Source: He et al., Identity Mappings in Deep Residual Networks (ECCV 2016), with a 3x3 stem of
    stride 1 and no max pool, the usual form for 32x32 images.
    Departures: those of `preact_body`. Some public versions leave out the last BN and ReLU (1,024
    trainable parameters fewer); this one follows the paper and has them.
    """
    return preact_body(make, x, stem=64, filters=(64, 128, 256, 512), blocks=2)


def preact_body(
    make: Layers, x: keras.KerasTensor, *, stem: int, filters: Sequence[int], blocks: int
) -> keras.KerasTensor:
    """Returns features [batch, last of `filters`] of images [batch, height, width, channels].

    Stem conv 3x3, a stage of blocks for each of `filters`, BN, ReLU, global average; stages after
    the first halve the image. A 1x1 convolution of the activated input is the shortcut where the
    shape changes. Convolutions carry no bias: batch normalisation follows all of them but the
    projections, whose sum it follows too.

    Source: fig. 4e of He et al. and the extra activation after the last sum (appendix).
    Departures: batch normalisation with Keras' constants; strided convolutions pad as TensorFlow's
    "same" does, on the far side first.

    Args:
        make: with HeNormal (fan in) for the convolutions; the last layer is Glorot-uniform.
        x: the images.
        stem: filters of the stem.
        filters: of each stage.
        blocks: of each stage.
    """
    x = make.conv(stem, use_bias=False, name="stem_conv")(x)
    for stage, width in enumerate(filters, start=1):
        for block in range(1, blocks + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            x = _block(make, x, width, strides, f"stage{stage}_block{block}")
    x = make.batch_norm(name="bn")(x)
    x = keras.layers.ReLU(name="relu")(x)
    return keras.layers.GlobalAveragePooling2D(name="average")(x)


def _block(
    make: Layers, x: keras.KerasTensor, filters: int, strides: int, name: str
) -> keras.KerasTensor:
    conv, shortcut = functools.partial(make.conv, use_bias=False), x
    reshaped = strides != 1 or x.shape[-1] != filters
    x = make.batch_norm(name=f"{name}_bn1")(x)
    x = keras.layers.ReLU(name=f"{name}_relu1")(x)
    if reshaped:
        # Where the shape changes there is no identity to keep, and the activation serves both ways.
        shortcut = conv(filters, size=1, strides=strides, name=f"{name}_projection")(x)
    x = conv(filters, strides=strides, name=f"{name}_conv1")(x)
    x = make.batch_norm(name=f"{name}_bn2")(x)
    x = keras.layers.ReLU(name=f"{name}_relu2")(x)
    x = conv(filters, name=f"{name}_conv2")(x)
    return keras.layers.Add(name=f"{name}_add")([shortcut, x])
