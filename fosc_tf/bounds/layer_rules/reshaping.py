"""Layers that compute nothing: they move entries, add zeros, leave some out, or do nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.bounds import primitives
from fosc_tf.bounds.layer_rules.rule import Primitive, channels_last, register
from fosc_tf.bounds.primitives import Affine

L = keras.layers


@register(L.Dropout, L.SpatialDropout2D, L.GaussianNoise, L.GaussianDropout, L.Identity)
def nothing(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns nothing: in evaluation mode these layers do nothing."""
    del layer, shapes
    return []


@register(L.Flatten)
def flatten(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns all entries in one axis."""
    channels_last(layer)
    return [reshaped((math.prod(shapes[0]),))]


@register(L.Reshape)
def reshape(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the entries in another shape."""
    target = layer.compute_output_shape((None, *shapes[0]))[1:]
    return [reshaped(target)]


def reshaped(shape: Sequence[int]) -> Affine:
    """Returns the entries of each example in this shape."""
    return Affine(lambda weigh, x: tf.reshape(x, [-1, *shape]), mixes=False)


@register(L.ZeroPadding2D)
def zero_padding(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the image with zeros around it."""
    del shapes
    channels_last(layer)
    around = [(0, 0), *layer.padding, (0, 0)]
    return [Affine(lambda weigh, x: tf.pad(x, around), mixes=False)]


@register(L.Cropping2D)
def cropping(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns a part of the image."""
    channels_last(layer)
    (top, bottom), (left, right) = layer.cropping
    height, width, _ = shapes[0]

    def apply(weigh: primitives.Weigh, x: tf.Tensor) -> tf.Tensor:
        return x[:, top : height - bottom, left : width - right]

    return [Affine(apply, mixes=False)]
