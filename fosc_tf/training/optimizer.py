"""The papers' SGD: momentum and weight decay as an L2 term of the loss.

optimizer = CoupledSGD(learning_rate=0.01, momentum=0.9, coupled_weight_decay=1e-4)
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from fosc_tf.errors import UserError


@keras.saving.register_keras_serializable(package="fosc_tf")
class CoupledSGD(keras.optimizers.SGD):
    """SGD that descends loss + 0.5 * w * ||theta||^2 over all trainable variables.

    Keras' own `weight_decay` is decoupled: with momentum 0.9 it is about ten times weaker than
    the w of the papers. Adding w * theta to the gradient after its sum over replicas makes the
    term independent of their number, and keeps it out of the loss that is shown and attacked.

    Args:
        learning_rate: a rate or a Keras schedule.
        momentum: 0.9 in the papers.
        coupled_weight_decay: w, at least 0.
        **arguments: what `keras.optimizers.SGD` takes besides.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.01,
        momentum: float = 0.0,
        coupled_weight_decay: float = 0.0,
        **arguments: Any,
    ) -> None:
        if coupled_weight_decay < 0:
            raise UserError(
                "weight decay must be at least 0", "1e-4", f"weight_decay={coupled_weight_decay}"
            )
        super().__init__(learning_rate=learning_rate, momentum=momentum, **arguments)
        self.coupled_weight_decay = coupled_weight_decay

    def update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Adds w * theta to the gradient, then steps."""
        if self.coupled_weight_decay:
            gradient = gradient + self.coupled_weight_decay * tf.cast(variable, gradient.dtype)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make an equal optimizer."""
        return {**super().get_config(), "coupled_weight_decay": self.coupled_weight_decay}
