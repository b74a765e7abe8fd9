"""Keras' batch normalization, its training step as one TensorFlow operation.

layer = FusedBatchNormalization(name="bn1")
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from fosc_tf.models.held import Holding


@keras.saving.register_keras_serializable(package="fosc_tf")
class FusedBatchNormalization(Holding, keras.layers.BatchNormalization):
    """The same layer with the same weights, configuration and results, up to rounding.

    Keras normalises a training batch in several passes over it, and as many backwards, TensorFlow's
    fused operation in one: on a CPU a whole weight update takes a fifth to two fifths less time.
    Where that operation does not apply (evaluation mode, replicas that share their statistics,
    masks, renormalisation, an axis other than the last, ranks other than 2 and 4) Keras' code runs.

    Args:
        affine_held: whether scale and offset stay as they are while the statistics follow.
        **arguments: Keras'.
    """

    def __init__(self, *, affine_held: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.affine_held = affine_held

    def build(self, input_shape: Any) -> None:
        """Makes the variables."""
        super().build(input_shape)
        self.built = True
        self.hold()

    def held(self) -> list[keras.Variable]:
        """Returns scale and offset, where they are held."""
        there = [self.gamma] * self.scale + [self.beta] * self.center
        return there if self.affine_held else []

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "affine_held": self.affine_held}

    def call(
        self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns `inputs`, [batch, channels] or [batch, height, width, channels], normalised."""
        if not (training and self.trainable and mask is None and self._is_fusible(inputs)):
            return super().call(inputs, training=training, mask=mask)
        x = tf.cast(inputs, tf.float32)  # as Keras: half precision would overflow
        image = x if len(x.shape) == 4 else x[:, tf.newaxis, tf.newaxis, :]
        normalised, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=image,
            scale=tf.convert_to_tensor(self.gamma)
            if self.scale
            else tf.ones_like(self.moving_mean),
            offset=tf.convert_to_tensor(self.beta)
            if self.center
            else tf.zeros_like(self.moving_mean),
            mean=[],
            variance=[],
            epsilon=self.epsilon,
        )
        # The operation divides by n - 1 where Keras' moving variance is that of n.
        n = tf.cast(tf.size(image) // tf.shape(image)[-1], tf.float32)
        variance = variance * (n - 1) / n
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))
        outputs = normalised if len(x.shape) == 4 else normalised[:, 0, 0, :]
        return tf.cast(outputs, self.compute_dtype)

    def _is_fusible(self, inputs: tf.Tensor) -> bool:
        renorm = getattr(self, "renorm", False)  # Keras 3.10 does not know it
        plain = not renorm and not self.synchronized
        rank = len(inputs.shape)
        return plain and rank in (2, 4) and self.axis in (-1, rank - 1)
