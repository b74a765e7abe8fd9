"""Layers that multiply by a kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.bounds import primitives
from fosc_tf.bounds.layer_rules.activations import of_activation
from fosc_tf.bounds.layer_rules.rule import Primitive, channels_last, register
from fosc_tf.bounds.primitives import Affine
from fosc_tf.models.binary_connect import BinaryConnectConv2D, BinaryConnectDense
from fosc_tf.models.convolution import convolved
from fosc_tf.models.masked import MaskedConv2D, MaskedDense

L = keras.layers


@register(L.Dense, MaskedDense, BinaryConnectDense)
def dense(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns a product of the last axis with the kernel."""
    del shapes

    def apply(weigh: primitives.Weigh, x: tf.Tensor) -> tf.Tensor:
        return tf.tensordot(x, weigh(layer.kernel), 1)

    return [
        Affine(apply, _bias(layer), largest=_largest(layer)),
        *of_activation(layer, layer.activation),
    ]


@register(L.Conv2D, MaskedConv2D, BinaryConnectConv2D)
def convolution(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns a convolution of any stride, padding, dilation and number of groups."""
    del shapes
    channels_last(layer)

    def apply(weigh: primitives.Weigh, x: tf.Tensor) -> tf.Tensor:
        kernel = weigh(layer.kernel)
        # Of groups TensorFlow has no gradient on a CPU.
        parts = zip(tf.split(x, layer.groups, 3), tf.split(kernel, layer.groups, 3), strict=True)
        each = [convolved(*part, layer) for part in parts]
        return each[0] if len(each) == 1 else tf.concat(each, axis=3)

    return [
        Affine(apply, _bias(layer), largest=_largest(layer)),
        *of_activation(layer, layer.activation),
    ]


@register(L.DepthwiseConv2D)
def depthwise(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns a convolution of each channel by itself."""
    del shapes
    channels_last(layer)
    strides = (1, *layer.strides, 1)

    def apply(weigh: primitives.Weigh, x: tf.Tensor) -> tf.Tensor:
        kernel = weigh(layer.kernel)
        return tf.nn.depthwise_conv2d(
            x, kernel, strides, layer.padding.upper(), dilations=layer.dilation_rate
        )

    return [Affine(apply, _bias(layer)), *of_activation(layer, layer.activation)]


def _bias(layer: Any) -> Callable[[], Any] | None:
    return (lambda: layer.bias) if layer.use_bias else None


def _largest(layer: Any) -> Callable[[], tf.Tensor]:
    def found() -> tf.Tensor:
        kernel = tf.abs(tf.convert_to_tensor(layer.kernel))
        return tf.reduce_max(kernel, axis=list(range(kernel.shape.rank - 1)))

    return found
