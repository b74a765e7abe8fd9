"""The pre-activation ResNet of 18 layers, for images of CIFAR's size.

network = models.get("preact_resnet18", input_shape=(32, 32, 3), num_classes=10)
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from fosc_tf.models.frame import Frame
from fosc_tf.models.layers import Layers
from fosc_tf.models.preact_body import Stage, preact_body
from fosc_tf.models.registry import models


@models.register("preact_resnet18")
def preact_resnet18(
    *,
    input_shape: Sequence[int],
    num_classes: int,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    batch_norm_momentum: float = 0.99,
    seed: int = 0,
) -> keras.Model:
    """Stem of 64 filters, 4 stages of 2 blocks with 64, 128, 256, 512 filters.

    Source: He et al., Identity Mappings in Deep Residual Networks (ECCV 2016), with a 3x3 stem of
    stride 1 and no max pool, the usual form for 32x32 images. A 1x1 convolution of the activated
    input is the shortcut where the shape changes. Convolutions start He-normal (fan in), the last
    layer Glorot-uniform.
    Departures: batch normalisation with Keras' constants; strided convolutions pad as TensorFlow's
    "same" does, on the far side first. Some public versions leave out the last BN and ReLU (1,024
    trainable parameters fewer); this one follows the paper and has them.

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
    stages = [
        Stage(filters=64, blocks=2, strides=1),
        Stage(filters=128, blocks=2, strides=2),
        Stage(filters=256, blocks=2, strides=2),
        Stage(filters=512, blocks=2, strides=2),
    ]
    x = preact_body(frame.pixels, make, stem_filters=64, stages=stages)
    return frame.network("preact_resnet18", make.logits(frame.num_classes)(x))
