"""What Keras would take and adversarial training has no use for, refused before work starts.

refuse_losses(loss="mse")      # raises
"""

from __future__ import annotations

from typing import Any

import keras

from fosc_tf.errors import UserError


def refuse_losses(loss: Any = None, loss_weights: Any = None, weighted_metrics: Any = None) -> None:
    """Raises `UserError` where `compile` is given what would decide nothing."""
    for name, given in {"loss": loss, "loss_weights": loss_weights}.items():
        if given is not None:
            raise UserError(
                "what the weights descend is the objective of the defense",
                f"compile without {name}; dataclasses.replace(defense, objective=...) for another "
                "objective",
                f"{name}={given!r}",
            )
    if weighted_metrics is not None:
        raise UserError(
            "every example counts alike in adversarial training",
            "metrics=[...]",
            f"weighted_metrics={weighted_metrics!r}",
        )


def refuse_weights(arguments: dict[str, Any]) -> None:
    """Raises `UserError` where `fit` is given weights of classes or examples."""
    for name in ("class_weight", "sample_weight"):
        if arguments.get(name) is not None:
            raise UserError(
                "every example counts alike in adversarial training",
                f"fit without {name}; a dataset that repeats what is to count more",
                f"{name} of {len(arguments[name])} values",
            )


def refuse_frozen(network: keras.Model) -> None:
    """Raises `UserError` where no weight of `network` may move."""
    if not network.trainable_variables:
        raise UserError(
            "there must be weights to train",
            "network.trainable = True for one layer at least",
            f"{network.name}, of which every layer is frozen",
        )


def refuse_uncompiled(trainer: keras.Model) -> None:
    """Raises `UserError` where `compile` was not called."""
    if not trainer.compiled:
        raise UserError(
            "a trainer must be compiled before it trains or evaluates",
            "trainer.compile(keras.optimizers.SGD(0.01, momentum=0.9))",
            "no call of compile",
        )
