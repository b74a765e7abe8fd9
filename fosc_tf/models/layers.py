"""Seeded Keras layers: one maker per network, so that its weights depend on its seed alone.

make = Layers(seed=0, convolution_init=keras.initializers.HeNormal)
x = make.conv(64, name="conv1")(x)
x = make.batch_norm(name="bn1")(x)
"""

from __future__ import annotations

import hashlib

import keras
import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.models.batch_norm import FusedBatchNormalization
from fosc_tf.number import number, whole

Initializer = keras.initializers.Initializer
GlorotUniform = keras.initializers.GlorotUniform


class Layers:
    """Makes the layers that have weights.

    Args:
        seed: whole number >= 0. Together with a layer's name it fixes the layer's kernel, whatever
            the global random state and whichever layers were made before.
        convolution_init: class of the convolutions' initializers, a Keras one that takes a seed.
        batch_norm_momentum: share of the old moving statistics that a training step keeps, in
            [0, 1).

    Raises:
        UserError: a seed or a momentum out of range.
    """

    def __init__(
        self,
        *,
        seed: int,
        convolution_init: type[Initializer] = GlorotUniform,
        batch_norm_momentum: float = 0.99,
    ) -> None:
        self._seed = whole("seed", seed, least=0, below=2**63)
        right = "batch_norm_momentum=0.99"
        momentum = number("batch_norm_momentum", batch_norm_momentum, right)
        if not 0 <= momentum < 1:
            raise UserError(
                "batch_norm_momentum must be a number in [0, 1)",
                right,
                f"batch_norm_momentum={batch_norm_momentum!r}",
            )
        self._convolution_init = convolution_init
        self._batch_norm_momentum = float(momentum)

    def conv(
        self,
        filters: int,
        *,
        name: str,
        size: int = 3,
        strides: int = 1,
        padding: str = "same",
        use_bias: bool = True,
    ) -> keras.layers.Conv2D:
        """Returns a size x size convolution without activation; padding is "same" or "valid"."""
        return keras.layers.Conv2D(
            filters,
            size,
            strides=strides,
            padding=padding,
            use_bias=use_bias,
            kernel_initializer=self._initializer(self._convolution_init, name),
            name=name,
        )

    def batch_norm(self, *, name: str) -> keras.layers.BatchNormalization:
        """Returns a batch normalisation over the last axis, epsilon 1e-3 (Keras' default).

        Made under a strategy of several replicas it takes mean and variance over the global batch.
        """
        return FusedBatchNormalization(
            momentum=self._batch_norm_momentum,
            # Replicas with statistics of their own would lose all but the first's in a checkpoint.
            synchronized=tf.distribute.get_strategy().num_replicas_in_sync > 1,
            name=name,
        )

    def dense(self, units: int, *, name: str, dtype: str | None = None) -> keras.layers.Dense:
        """Returns a dense layer without activation, Glorot-uniform."""
        initializer = self._initializer(GlorotUniform, name)
        return keras.layers.Dense(units, kernel_initializer=initializer, dtype=dtype, name=name)

    def logits(self, num_classes: int) -> keras.layers.Dense:
        """Returns the last layer, float32 whatever the precision policy."""
        # Losses and FOSC are differences of logits: half precision would lose them.
        return self.dense(num_classes, name="logits", dtype="float32")

    def _initializer(self, kind: type[Initializer], layer: str) -> Initializer:
        # A hash, not seed + index: neighbouring seeds would otherwise share kernels between layers.
        digest = hashlib.sha256(f"{self._seed}/{layer}".encode()).digest()
        return kind(seed=int.from_bytes(digest[:4], "big") >> 1)
