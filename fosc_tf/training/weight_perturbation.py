"""Adversarial weight perturbation: gradients are taken where the weights are worse nearby.

defense = dataclasses.replace(defense, perturbation=WeightPerturbation(gamma=0.01))
"""

from __future__ import annotations

import keras
import tensorflow as tf

from fosc_tf.number import inside
from fosc_tf.readable import one_line
from fosc_tf.replicas import add
from fosc_tf.schedules import Clock
from fosc_tf.schedules.clock import beginning
from fosc_tf.sections import between, epoch_of_run, rules

_TINY = 1e-20
rules("perturbation", gamma=between(0, float("inf"), "0.01"), from_epoch=epoch_of_run)


class WeightPerturbation:
    """v_l = gamma * ||w_l|| * g_l / ||g_l|| for every kernel, g the gradient of the objective.

    Source: AWP, Wu et al. 2020, equation 10, and its authors' code: kernels alone are moved (no
    bias, no scale of a batch norm), the attack comes before, the optimizer steps, decay included,
    at the moved weights, and v is taken away after it. Batch-norm statistics and random layers see
    the probing pass no more than if it had not been. Departure: gradients of all replicas are
    summed before their norm is taken. Costs one more gradient of the weights a batch.

    Args:
        gamma: size relative to the weights, at least 0; 0.01 with standard training, 0.005 with
            TRADES.
        from_epoch: 0-based epoch from which on weights are moved.
        clock: turns steps into epochs; needed for a later epoch than 0.

    Raises:
        UserError: a number out of its range, a later epoch without a clock.
    """

    def __init__(
        self, gamma: float = 0.01, *, from_epoch: int = 0, clock: Clock | None = None
    ) -> None:
        self.gamma = inside("gamma", gamma, "gamma=0.01")
        self.from_epoch, self.clock = beginning(from_epoch, clock), clock

    def __repr__(self) -> str:
        """Returns one line with both numbers."""
        return one_line("WeightPerturbation", {"gamma": self.gamma, "from_epoch": self.from_epoch})

    def move(
        self, network: keras.Model, gradients: list[tf.Tensor | None], step: tf.Tensor
    ) -> list[tuple[keras.Variable, tf.Tensor]]:
        """Adds v to the kernels and returns each with its v, for `undo`.

        Args:
            network: whose trainable variables are moved.
            gradients: of them, in their order, summed over the replicas.
            step: int64 scalar.
        """
        gamma = tf.constant(self.gamma, tf.float32)
        if self.from_epoch:
            gamma = tf.where(self.clock.epoch(step) < self.from_epoch, 0.0, gamma)
        moved = []
        for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
            if gradient is None or len(variable.shape) < 2:
                continue
            weight = tf.convert_to_tensor(variable)
            length = gamma * tf.norm(weight) / (tf.norm(gradient) + _TINY)
            moved.append((variable, tf.cast(length * gradient, weight.dtype)))
        for variable, shift in moved:
            add(variable, shift)
        return moved

    @staticmethod
    def undo(moved: list[tuple[keras.Variable, tf.Tensor]]) -> None:
        """Takes v away again."""
        for variable, shift in moved:
            add(variable, -shift)
