"""Layers that work with the signs of their weights and train the weights behind them.

layer = BinaryConnectDense(10, name="logits")
layer.kernel      # -1.0 or 1.0, the signs of layer.values
"""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.models.computed_kernel import ComputedConv2D, ComputedDense, ComputedKernel


def signs(values: tf.Tensor) -> tf.Tensor:
    """Returns 1.0 where a value is at least 0, else -1.0; the gradient passes as it comes."""

    @tf.custom_gradient
    def straight(values: tf.Tensor) -> Any:
        found = tf.where(values >= 0, tf.ones_like(values), -tf.ones_like(values))
        return found, lambda upstream: upstream

    return straight(values)


@keras.saving.register_keras_serializable(package="fosc_tf")
class WithinOne(keras.constraints.Constraint):
    """Clips a variable to [-1, 1] after each update."""

    def __call__(self, value: Any) -> tf.Tensor:
        """Returns the value, clipped."""
        return tf.clip_by_value(tf.convert_to_tensor(value), -1.0, 1.0)


class BinaryConnect(ComputedKernel):
    """What both kinds share: trained `values` in [-1, 1], and their signs at work.

    The kernel is sign(values), 1 at 0, without a factor; its gradient is that of the values,
    straight-through, which after each update are clipped to [-1, 1]: farther out they would only
    change their sign later.

    Source: Courbariaux et al., BinaryConnect (NeurIPS 2015), the deterministic form, sections
    2.2, 2.4, and algorithm 1.

    Attributes:
        values: float32, the shape of the kernel; trainable.
        kept: all of them.
    """

    def add_variables(self, shape: tuple[int, ...]) -> None:
        """Makes the values."""
        bound = math.sqrt(1.0 / math.prod(shape[:-1]))
        self.values = self.add_weight(
            name="values",
            shape=shape,
            initializer=keras.initializers.RandomUniform(-bound, bound),
            constraint=WithinOne(),
            # On replicas, which have one update in common, clipping is that of any of them.
            aggregation="only_first_replica",
            dtype="float32",
        )

    @property
    def kept(self) -> int:
        """The number of weights, which all count."""
        return math.prod(self.values.shape)

    @property
    def mask(self) -> tf.Tensor:
        """Ones, the shape of the kernel."""
        return tf.ones(self.values.shape)

    @property
    def kernel(self) -> tf.Tensor:
        """The signs, float32."""
        return signs(tf.convert_to_tensor(self.values))


@keras.saving.register_keras_serializable(package="fosc_tf")
class BinaryConnectDense(BinaryConnect, ComputedDense):
    """A dense layer of signs, with the arguments of `ComputedDense`."""


@keras.saving.register_keras_serializable(package="fosc_tf")
class BinaryConnectConv2D(BinaryConnect, ComputedConv2D):
    """A convolution [batch, height, width, channels] of signs.

    Its arguments are those of `ComputedConv2D`.
    """
