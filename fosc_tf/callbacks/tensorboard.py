"""Scalars of each epoch and a panel of attacked images, for TensorBoard.

trainer.fit(batches, callbacks=[TensorBoard(writer, network, images, labels, attack, epsilon)])
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fosc_tf.attacks.attack import Attack
from fosc_tf.show.panel import image_panel


class TensorBoard(keras.callbacks.Callback):
    """Writes the epoch's logs as scalars, the learning rate, and the image panel.

    Args:
        writer: summary writer.
        network: maps images to logits.
        image: [n, h, w, c] float32 in [0, 1], shown clean and attacked; none if n is 0.
        label: [n] int.
        attack: makes the adversarial images.
        epsilon: as for `image_panel`.
    """

    def __init__(
        self,
        writer: tf.summary.SummaryWriter,
        network: keras.Model,
        image: np.ndarray,
        label: np.ndarray,
        attack: Attack,
        epsilon: float,
    ) -> None:
        super().__init__()
        self.writer, self.network, self.attack, self.epsilon = writer, network, attack, epsilon
        self.image, self.label = image, label

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Looks at the learning rate: after the epoch's last update it is the next epoch's."""
        self.learning_rate = float(self.model.optimizer.learning_rate)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes this epoch under the step `epoch`."""
        with self.writer.as_default(step=epoch):
            for name, value in (logs or {}).items():
                tf.summary.scalar(name, value)
            tf.summary.scalar("learning_rate", self.learning_rate)
            if len(self.image):
                found = self.attack(self.network, self.image, self.label, seed=0)
                panel = image_panel(self.image, found.image.numpy(), self.epsilon)
                tf.summary.image("clean, adversarial, difference", panel[None])
        self.writer.flush()
