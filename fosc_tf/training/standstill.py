"""An attack that stops at once because of a batch norm that has not seen enough yet.

callbacks = [*callbacks, *watch(trainer)]
"""

from __future__ import annotations

from typing import Any

import keras
from absl import logging

from fosc_tf.models.all_layers import all_layers

_SLOW = 0.99
_SETTLED = 0.01
"""The share that a moving statistic may still have of where it began, 0 or 1."""


class Standstill(keras.callbacks.Callback):
    """Warns, once, when the gate lets nobody take a second step while batch norms are far behind.

    The attack sees a network in evaluation mode. Until about 5 / (1 - momentum) steps the moving
    statistics of its batch norms are those of the start, the network there is nearly flat, every
    FOSC is small, and a gate stops everybody: training on images that were hardly attacked.

    Args:
        layers: the batch norms of a slow momentum.
    """

    def __init__(self, layers: list[keras.layers.BatchNormalization]) -> None:
        super().__init__()
        self.layers, self.told = layers, False

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Looks at what the attack of this epoch did."""
        logs = logs or {}
        if self.told or logs.get("frozen", 0.0) < 0.99 or logs.get("gradients", 9.0) > 2.1:
            return
        slowest = max(self.layers, key=lambda layer: layer.momentum)
        steps = self.model.step
        if slowest.momentum**steps > _SETTLED:
            self.told = True
            logging.warning(
                "epoch %d: the gate stopped %.0f%% of the examples after one step. The moving "
                "statistics of %r, momentum=%g, are still %.0f%% those of its start after %d "
                "steps, so the attack sees another network than the one that is trained: "
                "BatchNormalization(momentum=0.9) follows in short runs",
                epoch + 1,
                100 * logs["frozen"],
                slowest.name,
                slowest.momentum,
                100 * slowest.momentum**steps,
                steps,
            )


def watch(network: keras.Model) -> list[Standstill]:
    """Returns the callback for a network with a slow batch norm, else nothing."""
    layers = [
        layer
        for layer in all_layers(network)
        if isinstance(layer, keras.layers.BatchNormalization)
        and layer.momentum >= _SLOW
        and layer.trainable
    ]
    return [Standstill(layers)] if layers else []
