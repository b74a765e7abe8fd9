"""Layers that look at windows: their mean, their largest entry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.bounds import primitives
from fosc_tf.bounds.layer_rules.reshaping import reshaped
from fosc_tf.bounds.layer_rules.rule import Primitive, channels_last, register
from fosc_tf.bounds.primitives import Affine, Largest

L = keras.layers


@register(L.AveragePooling2D)
def average_pooling(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns means of windows; at a padded border of what is inside."""
    del shapes
    channels_last(layer)
    size, strides, padding = layer.pool_size, layer.strides, layer.padding.upper()

    def apply(weigh: primitives.Weigh, x: tf.Tensor) -> tf.Tensor:
        # A window has as many entries as there are inside; the mean weighs each by the share.
        share = 1.0 / _inside(x, size, strides, padding)
        kernel = tf.ones([*size, x.shape[-1], 1], x.dtype)
        total = tf.nn.depthwise_conv2d(x, kernel, (1, *strides, 1), padding)
        return weigh(share) * total

    return [Affine(apply)]


def _inside(x: tf.Tensor, size: Any, strides: Any, padding: str) -> tf.Tensor:
    one = tf.ones([1, *x.shape[1:3], 1], x.dtype)
    return tf.nn.conv2d(one, tf.ones([*size, 1, 1], x.dtype), strides, padding)


@register(L.GlobalAveragePooling2D)
def global_average_pooling(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the mean of each channel."""
    channels_last(layer)
    height, width, _ = shapes[0]

    def apply(weigh: primitives.Weigh, x: tf.Tensor) -> tf.Tensor:
        return weigh(1.0 / (height * width)) * tf.reduce_sum(
            x, axis=(1, 2), keepdims=layer.keepdims
        )

    return [Affine(apply)]


@register(L.MaxPooling2D)
def max_pooling(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the largest entries of windows."""
    del shapes
    channels_last(layer)

    def pool(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.max_pool2d(x, layer.pool_size, layer.strides, layer.padding.upper())

    # An entry is in several windows where they overlap.
    inside = [
        -(-size // stride) for size, stride in zip(layer.pool_size, layer.strides, strict=True)
    ]
    return [Largest(pool, lipschitz=math.sqrt(math.prod(inside)))]


@register(L.GlobalMaxPooling2D)
def global_max_pooling(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the largest entry of each channel."""
    channels_last(layer)
    size = shapes[0][:2]
    pooled = Largest(lambda x: tf.nn.max_pool2d(x, size, 1, "VALID"), lipschitz=1.0)
    return [pooled] if layer.keepdims else [pooled, reshaped((shapes[0][2],))]
