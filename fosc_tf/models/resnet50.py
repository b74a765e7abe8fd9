"""The ResNet of 50 layers, for images of CIFAR's size: the surrogate of black-box attacks.

network = models.get("resnet50", input_shape=(32, 32, 3), num_classes=10)
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from fosc_tf.models.frame import Frame
from fosc_tf.models.layers import Layers
from fosc_tf.models.registry import models


@models.register("resnet50")
def resnet50(
    *,
    input_shape: Sequence[int],
    num_classes: int,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    batch_norm_momentum: float = 0.99,
    seed: int = 0,
) -> keras.Model:
    """Stem of 64 filters, 4 stages of 3, 4, 6, 3 bottlenecks with 64, 128, 256, 512 filters.

    Source: He et al., Deep Residual Learning for Image Recognition (CVPR 2016), table 1; the
    FOSC paper (section 5.1) uses a ResNet-50 as CIFAR-10 surrogate. Convolutions carry no bias and
    start He-normal (fan in), the last layer Glorot-uniform.
    Departures: a 3x3 stem of stride 1 and no max pool, the usual form for 32x32 images; a stage's
    stride sits in the 3x3 convolution instead of the first 1x1, as most later code has it; batch
    normalisation with Keras' constants; strided convolutions pad as TensorFlow's "same" does, on
    the far side first.

    Args:
        input_shape: (height, width, channels); usually (32, 32, 3).
        num_classes: number of logits, at least 2.
        mean: per channel in [0, 1]; None for no standardisation.
        std: per channel in (0, 1]; None for no standardisation.
        batch_norm_momentum: share of the old moving statistics kept, in [0, 1).
        seed: fixes the weights.

    Returns:
        Model from float32 [batch, height, width, channels] in [0, 1] to float32 logits
        [batch, num_classes].

    Raises:
        UserError: an argument out of its range.
    """
    make = Layers(seed=seed, convolution_init="he_normal", batch_norm_momentum=batch_norm_momentum)
    frame = Frame(input_shape=input_shape, num_classes=num_classes, mean=mean, std=std)
    x = make.conv(64, use_bias=False, name="stem_conv")(frame.pixels)
    x = make.batch_norm(name="stem_bn")(x)
    x = keras.layers.ReLU(name="stem_relu")(x)
    for stage, (filters, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), start=1):
        for block in range(1, blocks + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            x = _bottleneck(x, make, filters, strides, f"stage{stage}_block{block}")
    x = keras.layers.GlobalAveragePooling2D(name="average")(x)
    return frame.network("resnet50", make.logits(frame.num_classes)(x))


def _bottleneck(
    x: keras.KerasTensor, make: Layers, filters: int, strides: int, name: str
) -> keras.KerasTensor:
    shortcut = x
    if strides != 1 or x.shape[-1] != 4 * filters:
        project = make.conv(
            4 * filters, size=1, strides=strides, use_bias=False, name=f"{name}_projection"
        )
        shortcut = make.batch_norm(name=f"{name}_projection_bn")(project(x))
    x = make.conv(filters, size=1, use_bias=False, name=f"{name}_conv1")(x)
    x = make.batch_norm(name=f"{name}_bn1")(x)
    x = keras.layers.ReLU(name=f"{name}_relu1")(x)
    x = make.conv(filters, size=3, strides=strides, use_bias=False, name=f"{name}_conv2")(x)
    x = make.batch_norm(name=f"{name}_bn2")(x)
    x = keras.layers.ReLU(name=f"{name}_relu2")(x)
    x = make.conv(4 * filters, size=1, use_bias=False, name=f"{name}_conv3")(x)
    x = make.batch_norm(name=f"{name}_bn3")(x)
    x = keras.layers.Add(name=f"{name}_add")([shortcut, x])
    return keras.layers.ReLU(name=f"{name}_relu3")(x)
