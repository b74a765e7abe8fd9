"""Layers that scale and shift."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.bounds import primitives
from fosc_tf.bounds.layer_rules.rule import Primitive, register, unknown_form
from fosc_tf.bounds.primitives import Affine
from fosc_tf.models.batch_norm import FusedBatchNormalization

L = keras.layers


class BatchNormalized(Affine):
    """Batch normalization: the scale and shift of evaluation mode, and of a batch where asked.

    Args:
        layer: whose statistics they are.
    """

    def __init__(self, layer: Any) -> None:
        def scale() -> tf.Tensor:
            found = tf.math.rsqrt(_exact(layer.moving_variance) + layer.epsilon)
            return found * _exact(layer.gamma) if layer.scale else found

        def shift() -> tf.Tensor:
            found = -_exact(layer.moving_mean) * scale()
            return found + _exact(layer.beta) if layer.center else found

        super().__init__(lambda weigh, x: weigh(scale()) * x, shift, mixes=False)
        self.layer = layer

    def of_batch(self, value: tf.Tensor) -> tuple[tf.Tensor, Affine]:
        """Returns the layer's output in training mode, and the scale and shift that it then has.

        Both have a gradient in the statistics. Calling it moves the layer's running ones.

        Args:
            value: [batch, ..., channels] float32.
        """
        layer = self.layer
        output = layer(value, training=True)
        if not layer.trainable:
            return output, self
        axes = list(range(value.shape.rank - 1))
        mean, variance = keras.ops.moments(value, axes, synchronized=layer.synchronized)
        scale = tf.math.rsqrt(variance + layer.epsilon)
        scale = scale * tf.convert_to_tensor(layer.gamma) if layer.scale else scale
        shift = -mean * scale
        shift = shift + tf.convert_to_tensor(layer.beta) if layer.center else shift
        return output, _scaled(lambda: scale, lambda: shift)


@register(L.BatchNormalization, FusedBatchNormalization)
def batch_normalization(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns the scale and shift of evaluation mode."""
    rank = len(shapes[0]) + 1
    if layer.axis not in (-1, rank - 1):
        raise unknown_form(layer, f"axis={layer.axis}", "axis=-1")
    return [BatchNormalized(layer)]


@register(L.Normalization)
def normalization(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns (x - mean) / deviation."""
    del shapes
    if layer.invert:
        raise unknown_form(layer, "invert=True", "invert=False")

    def scale() -> tf.Tensor:
        return 1.0 / tf.maximum(tf.sqrt(_exact(layer.variance)), keras.config.epsilon())

    def shift() -> tf.Tensor:
        return -_exact(layer.mean) * scale()

    return [_scaled(lambda: scale()[0], lambda: shift()[0])]


@register(L.Rescaling)
def rescaling(layer: Any, shapes: Sequence[Sequence[int]]) -> list[Primitive]:
    """Returns scale * x + offset."""
    del shapes
    return [_scaled(lambda: _exact(layer.scale), lambda: _exact(layer.offset))]


def _scaled(scale: Callable[[], Any], shift: Callable[[], Any]) -> Affine:
    return Affine(lambda weigh, x: weigh(scale()) * x, shift, mixes=False)


def _exact(weight: Any) -> tf.Tensor:
    """Returns a weight in float64, in which few roundings do not count."""
    return primitives.as_tensor(weight, tf.float64)
