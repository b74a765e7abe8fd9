"""Measures each epoch on examples kept back from training, to choose the best one.

trainer.fit(dataset, callbacks=[HeldOut(network, batches, attack, every=1, seed=0)])
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from fosc_tf.evaluation.stages import Stages
from fosc_tf.evaluation.survival import Survival


class HeldOut(keras.callbacks.Callback):
    """Adds `held_out_clean` and `held_out_robust`, accuracies in 0..1, to the epoch's logs.

    Args:
        network: maps images to logits.
        batches: held-out (image, label) batches.
        attack: from `fosc_tf.evaluation.stages`; decides the robust accuracy.
        every: epochs between measurements.
        seed: of the attack's random numbers, the same each epoch.
    """

    def __init__(
        self,
        network: keras.Model,
        batches: tf.data.Dataset,
        attack: Stages,
        *,
        every: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.every, self.attack = every, attack
        self._survival = Survival(network, batches, seed=seed)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measures when it is this epoch's turn."""
        if (epoch + 1) % self.every == 0:
            masks = list(self._survival.masks(self.attack).values())
            logs["held_out_clean"] = float(masks[0].mean())
            logs["held_out_robust"] = float(masks[-1].mean())
