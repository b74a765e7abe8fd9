"""Optimizers by name; SGD and Adam with the papers' weight decay, an L2 term of the loss.

optimizer = get("sgd", learning_rate=0.01, momentum=0.9, weight_decay=1e-4, clip_norm=1.0)

@register("lion")                      # config.optimizer.name = "lion"
def lion(*, learning_rate, weight_decay=0.0): ...
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.models.all_layers import all_layers
from fosc_tf.registry import Registry
from fosc_tf.replicas import num_replicas, sum_over_replicas
from fosc_tf.sections import between, flag, one_of, rules

OPTIMIZERS = Registry("optimizer")
register, get, names = OPTIMIZERS.register, OPTIMIZERS.get, OPTIMIZERS.names

rules(
    "optimizer",
    name=one_of("optimizer", names),
    nesterov=flag,
    scale_with_replicas=flag,
    momentum=between(0, 1, "0 or a number below 1 such as 0.9"),
    beta_1=between(0, 1, "0.9"),
    beta_2=between(0, 1, "0.999"),
    weight_decay=between(0, float("inf"), "0 or a number such as 1e-4"),
    clip_norm=between(0, float("inf"), "0 or a number such as 1.0"),
)
Rate = float | keras.optimizers.schedules.LearningRateSchedule


def made(optimizer: Any) -> keras.Optimizer:
    """Returns the optimizer of a name or a configuration, or the one given.

    Raises:
        UserError: what is none, such as its class.
    """
    try:
        found = keras.optimizers.get(optimizer)
    except (ValueError, TypeError) as error:
        raise _no_optimizer(optimizer) from error
    if not isinstance(found, keras.Optimizer):
        raise _no_optimizer(optimizer)
    return found


def _no_optimizer(given: Any) -> UserError:
    return UserError(
        "the optimizer must be one of Keras, or its name",
        'keras.optimizers.SGD(0.01, momentum=0.9), or "sgd"',
        f"optimizer={given!r}",
    )


def scaled(optimizer: keras.Optimizer, network: keras.Model) -> keras.Optimizer:
    """Returns the optimizer, around it one that scales the loss where layers compute in float16.

    Keras asks the policy of the trainer only, which may be another than that of the network.
    """
    half = any(layer.compute_dtype == "float16" for layer in all_layers(network))
    if not half or isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer, name="loss_scale_optimizer")


class _AfterTheSum:
    """Clips and decays gradients after their sum over replicas, which neither changes then.

    Keras clips the share of each replica, and its own `weight_decay` is decoupled: with momentum
    0.9 about ten times weaker than the w of the papers. Adding w * theta to the gradient keeps the
    term out of the loss that is shown and attacked. It is not clipped, as in PyTorch.

    Args:
        learning_rate: a rate or a Keras schedule.
        coupled_weight_decay: w of 0.5 * w * ||theta||^2 over all trainable variables, at least 0.
        clip_norm: the largest norm of all gradients together, 0 for any.
        **arguments: what Keras' optimizer takes besides.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        *,
        coupled_weight_decay: float = 0.0,
        clip_norm: float = 0.0,
        **arguments: Any,
    ) -> None:
        held = (("weight decay", coupled_weight_decay, "1e-4"), ("clip norm", clip_norm, "1.0"))
        for name, value, right in held:
            if not value >= 0:
                received = f"{name.replace(' ', '_')}={value}"
                raise UserError(f"{name} must be at least 0", right, received)
        super().__init__(learning_rate=learning_rate, **arguments)
        self.coupled_weight_decay, self.clip_norm = coupled_weight_decay, clip_norm

    def apply(
        self,
        grads: Sequence[tf.Tensor | None],
        trainable_variables: Sequence[keras.Variable] | None = None,
    ) -> None:
        """Clips the sum of the replicas' shares `grads` and steps by it."""
        if self.clip_norm:
            clipped, _ = tf.clip_by_global_norm(sum_over_replicas(list(grads)), self.clip_norm)
            grads = [None if each is None else each / num_replicas() for each in clipped]
        super().apply(grads, trainable_variables)

    def update_step(
        self, gradient: tf.Tensor, variable: keras.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Adds w * theta to the gradient, then steps."""
        if self.coupled_weight_decay:
            gradient = gradient + self.coupled_weight_decay * tf.cast(variable, gradient.dtype)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make an equal optimizer."""
        own = {"coupled_weight_decay": self.coupled_weight_decay, "clip_norm": self.clip_norm}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="fosc_tf")
class CoupledSGD(_AfterTheSum, keras.optimizers.SGD):
    """Keras' SGD that descends loss + 0.5 * w * ||theta||^2."""


@keras.saving.register_keras_serializable(package="fosc_tf")
class CoupledAdam(_AfterTheSum, keras.optimizers.Adam):
    """Keras' Adam whose moments see the gradient of loss + 0.5 * w * ||theta||^2."""


@keras.saving.register_keras_serializable(package="fosc_tf")
class ClippedAdamW(_AfterTheSum, keras.optimizers.AdamW):
    """Keras' AdamW, clipped after the sum over replicas."""


@register("sgd")
def sgd(
    *,
    learning_rate: Rate,
    momentum: float = 0.9,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    clip_norm: float = 0.0,
) -> CoupledSGD:
    """Returns SGD with the papers' coupled decay, carried on by the velocity."""
    options = {"coupled_weight_decay": weight_decay, "clip_norm": clip_norm}
    return CoupledSGD(learning_rate, momentum=momentum, nesterov=nesterov, **options)


@register("adam")
def adam(
    *,
    learning_rate: Rate,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    weight_decay: float = 0.0,
    clip_norm: float = 0.0,
) -> CoupledAdam:
    """Returns Adam with coupled decay, an L2 term that the moments scale like any gradient."""
    options = {"coupled_weight_decay": weight_decay, "clip_norm": clip_norm}
    return CoupledAdam(learning_rate, beta_1=beta_1, beta_2=beta_2, **options)


@register("adamw")
def adamw(
    *,
    learning_rate: Rate,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    weight_decay: float = 0.0,
    clip_norm: float = 0.0,
) -> ClippedAdamW:
    """Returns AdamW, whose decay is decoupled: each step takes rate * w * theta from theta."""
    options = {"weight_decay": weight_decay, "clip_norm": clip_norm}
    return ClippedAdamW(learning_rate, beta_1=beta_1, beta_2=beta_2, **options)
