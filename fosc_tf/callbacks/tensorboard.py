"""Scalars of each epoch and a panel of attacked images, for TensorBoard.

trainer.fit(batches, callbacks=[TensorBoard(writer, network, images, labels, attack, epsilon)])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fosc_tf.attacks.attack import Attack
from fosc_tf.show.panel import named_panel

_MEANINGS = {
    "loss": "what the weights descend, mean over the epoch",
    "accuracy": "share of the training images, as the defense attacks them, that are right",
    "fosc": "mean FOSC in nats at the end of the training attacks",
    "threshold": "c_t in nats: an attack stops at this FOSC",
    "frozen": "share of the training examples whose attack stopped before its last step",
    "gradients": "attack gradients per training example",
    "held_out_clean": "share of the held-out images that are right, without attack",
    "held_out_robust": "share of the held-out images that are right, without and with attack",
    "held_out_verified": "share of the held-out images that are right and proved",
    "verified": "share of the training images that intervals prove at the epsilon of the step",
    "looseness": "logits by which bounds of margins lie below clean ones, mean over wrong classes",
    "epsilon": "radius of the training box or ball",
    "kappa": "weight of the clean cross-entropy",
    "beta": "weight of the linear bounds",
    "collapsed": "1 where PGD accuracy on held-out images fell and that of the training attack did "
    "not",
    "gradient_alignment": "mean cosine of input gradients at held-out images and at random "
    "neighbours in the ball",
    "gradient_norm": "mean l2 norm of input gradients at random neighbours of held-out images",
    "convergence_ratio": "bound of ATAS over that of ATTA: below 1 it should gain",
    "dead_layers": "ReLU layers whose outputs are 0 for all images looked at",
    "constant_classifier": "1 where all images looked at have the same logits",
    "lipschitz": "upper bound of the Lipschitz constant of the logits, l2",
    "learning_rate": "at the first update of the epoch",
}
"""What TensorBoard says of each scalar; those of a defense of one's own have their names."""


class TensorBoard(keras.callbacks.Callback):
    """Writes the epoch's logs as scalars, the learning rate, and the image panel.

    Args:
        writer: summary writer.
        network: maps images to logits.
        image: [n, h, w, c] float32 in [0, 1], shown clean and attacked; none if n is 0.
        label: [n] int.
        attack: makes the adversarial images.
        epsilon: as for `image_panel`.
        classes: names of the classes, written on the panel; none writes their numbers.
    """

    def __init__(
        self,
        writer: tf.summary.SummaryWriter,
        network: keras.Model,
        image: np.ndarray,
        label: np.ndarray,
        attack: Attack,
        epsilon: float,
        classes: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.writer, self.network, self.attack, self.epsilon = writer, network, attack, epsilon
        self.image, self.label, self.classes = image, label, classes

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Looks at the learning rate: after the epoch's last update it is the next epoch's."""
        self.learning_rate = float(self.model.optimizer.learning_rate)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes this epoch under its number, from 1, as everything shows it that a reader sees."""
        with self.writer.as_default(step=epoch + 1):
            for name, value in (logs or {}).items():
                _scalar(name, value)
            _scalar("learning_rate", self.learning_rate)
            if len(self.image):
                found = self.attack(self.network, self.image, self.label, seed=0)
                panel = named_panel(
                    self.image,
                    found.image.numpy(),
                    self.epsilon,
                    label=np.asarray(self.label),
                    clean=self._choice(self.image),
                    taken=self._choice(found.image),
                    classes=self.classes,
                )
                tf.summary.image("clean, adversarial, difference", panel[None])
        self.writer.flush()

    def _choice(self, image: Any) -> np.ndarray:
        return np.argmax(self.network(image, training=False), axis=1)


def _scalar(name: str, value: Any) -> None:
    tf.summary.scalar(name, value, description=_MEANINGS.get(name))
