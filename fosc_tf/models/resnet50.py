"""The ResNet of 50 layers, for images of CIFAR's size: the surrogate of black-box attacks.

network = models.get("resnet50", input_shape=(32, 32, 3), num_classes=10)
"""

from __future__ import annotations

import functools

import keras

from fosc_tf.models.layers import Layers
from fosc_tf.models.registry import register


@register("resnet50", convolution_init=keras.initializers.HeNormal)
def resnet50(make: Layers, x: keras.KerasTensor) -> keras.KerasTensor:
    """Stem of 64 filters, 4 stages of 3, 4, 6, 3 bottlenecks with 64, 128, 256, 512 filters.

    Source: He et al., Deep Residual Learning for Image Recognition (CVPR 2016), table 1; the
    FOSC paper (section 5.1) uses a ResNet-50 as CIFAR-10 surrogate. Convolutions carry no bias and
    start He-normal (fan in), the last layer Glorot-uniform.
    Departures: a 3x3 stem of stride 1 and no max pool, the usual form for 32x32 images; a stage's
    stride sits in the 3x3 convolution instead of the first 1x1, as most later code has it; batch
    normalisation and padding as in `preact_body`.
    """
    x = make.conv(64, use_bias=False, name="stem_conv")(x)
    x = make.batch_norm(name="stem_bn")(x)
    x = keras.layers.ReLU(name="stem_relu")(x)
    for stage, (filters, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), start=1):
        for block in range(1, blocks + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            x = _bottleneck(make, x, filters, strides, f"stage{stage}_block{block}")
    return keras.layers.GlobalAveragePooling2D(name="average")(x)


def _bottleneck(
    make: Layers, x: keras.KerasTensor, filters: int, strides: int, name: str
) -> keras.KerasTensor:
    conv, shortcut = functools.partial(make.conv, use_bias=False), x
    if strides != 1 or x.shape[-1] != 4 * filters:
        shortcut = conv(4 * filters, size=1, strides=strides, name=f"{name}_projection")(x)
        shortcut = make.batch_norm(name=f"{name}_projection_bn")(shortcut)
    x = conv(filters, size=1, name=f"{name}_conv1")(x)
    x = make.batch_norm(name=f"{name}_bn1")(x)
    x = keras.layers.ReLU(name=f"{name}_relu1")(x)
    x = conv(filters, strides=strides, name=f"{name}_conv2")(x)
    x = make.batch_norm(name=f"{name}_bn2")(x)
    x = keras.layers.ReLU(name=f"{name}_relu2")(x)
    x = conv(4 * filters, size=1, name=f"{name}_conv3")(x)
    x = make.batch_norm(name=f"{name}_bn3")(x)
    x = keras.layers.Add(name=f"{name}_add")([shortcut, x])
    return keras.layers.ReLU(name=f"{name}_relu3")(x)
