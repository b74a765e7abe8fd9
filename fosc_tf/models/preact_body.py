"""The body that pre-activation ResNets and Wide ResNets share.

stages = [Stage(filters=64, blocks=2, strides=1), Stage(filters=128, blocks=2, strides=2)]
x = preact_body(image, make, stem_filters=64, stages=stages)      # -> [batch, 128]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import keras

from fosc_tf.models.layers import Layers


class Stage(NamedTuple):
    """Blocks of equal width; `strides` shrinks the image in the first of them."""

    filters: int
    blocks: int
    strides: int


def preact_body(
    x: keras.KerasTensor, make: Layers, *, stem_filters: int, stages: Sequence[Stage]
) -> keras.KerasTensor:
    """Returns features [batch, filters of the last stage] of images [batch, h, w, channels].

    Stem conv 3x3, the stages' blocks, BN, ReLU, global average. Convolutions carry no bias: batch
    normalisation follows all of them but the projections, whose sum it follows too.

    Source: He et al., Identity Mappings in Deep Residual Networks (ECCV 2016), fig. 4e and the
    extra activation after the last sum (appendix).
    """
    x = make.conv(stem_filters, use_bias=False, name="stem_conv")(x)
    for number, stage in enumerate(stages, start=1):
        for block in range(1, stage.blocks + 1):
            strides = stage.strides if block == 1 else 1
            x = _block(x, make, stage.filters, strides, f"stage{number}_block{block}")
    x = make.batch_norm(name="bn")(x)
    x = keras.layers.ReLU(name="relu")(x)
    return keras.layers.GlobalAveragePooling2D(name="average")(x)


def _block(
    x: keras.KerasTensor, make: Layers, filters: int, strides: int, name: str
) -> keras.KerasTensor:
    shortcut = x
    reshaped = strides != 1 or x.shape[-1] != filters
    x = make.batch_norm(name=f"{name}_bn1")(x)
    x = keras.layers.ReLU(name=f"{name}_relu1")(x)
    if reshaped:
        # Where the shape changes there is no identity to keep, and the activation serves both ways.
        project = make.conv(
            filters, size=1, strides=strides, use_bias=False, name=f"{name}_projection"
        )
        shortcut = project(x)
    x = make.conv(filters, strides=strides, use_bias=False, name=f"{name}_conv1")(x)
    x = make.batch_norm(name=f"{name}_bn2")(x)
    x = keras.layers.ReLU(name=f"{name}_relu2")(x)
    x = make.conv(filters, use_bias=False, name=f"{name}_conv2")(x)
    return keras.layers.Add(name=f"{name}_add")([shortcut, x])
