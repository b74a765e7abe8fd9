"""Measures each epoch on examples kept back from training, to choose the best one.

trainer.fit(dataset, callbacks=[HeldOut(network, batches, attack, every=1, seed=0)])
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from fosc_tf.evaluation.white_box import accuracy_under
from fosc_tf.types import Attack


class HeldOut(keras.callbacks.Callback):
    """Adds `held_out_clean` and `held_out_robust`, accuracies in 0..1, to the epoch's logs.

    Args:
        network: maps images to logits.
        batches: held-out (image, label) batches.
        attack: decides the robust accuracy.
        every: epochs between measurements.
        seed: of the attack's random numbers, the same each epoch.
    """

    def __init__(
        self,
        network: keras.Model,
        batches: tf.data.Dataset,
        attack: Attack,
        *,
        every: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.batches, self.every, self.seed = batches, every, seed
        self._clean = accuracy_under(network, None)
        self._robust = accuracy_under(network, attack)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measures when it is this epoch's turn."""
        if (epoch + 1) % self.every == 0:
            logs["held_out_clean"], _ = self._clean(self.batches, self.seed)
            logs["held_out_robust"], _ = self._robust(self.batches, self.seed)
