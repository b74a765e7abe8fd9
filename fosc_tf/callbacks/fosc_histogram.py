"""Records FOSC and loss of each epoch's training examples, in files and in TensorBoard.

trainer.fit(dataset, callbacks=[FoscHistogram(folder, writer, ledger)])
"""

from __future__ import annotations

import os
import pathlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fosc_tf.training.ledger import Ledger
from fosc_tf.training.trainer import AdversarialTrainer


class FoscHistogram(keras.callbacks.Callback):
    """Writes `epoch_0000.npy` (float32, nats) and the histogram `fosc_of_examples` of each epoch.

    `epoch_0000_loss.npy` beside it holds the attack's loss at the same examples, in their order.
    Only batches that measure all their examples count (`fosc_every` of the trainer). The values
    of the epoch under way live in the ledger, so a resumed epoch writes what an uninterrupted
    one would have.

    Args:
        folder: for the arrays; made when first needed.
        writer: TensorBoard summary writer.
        ledger: saved with the checkpoints.
    """

    def __init__(
        self, folder: pathlib.Path, writer: tf.summary.SummaryWriter, ledger: Ledger
    ) -> None:
        super().__init__()
        self.folder, self.writer, self.ledger = folder, writer, ledger

    def set_model(self, model: AdversarialTrainer) -> None:
        """Asks the trainer to report the FOSC of each example."""
        super().set_model(model)
        model.reports_fosc = True

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Takes this step's values, [batch] each, out of the logs."""
        fosc, loss = self._taken(logs or {})
        known = np.isfinite(fosc)
        if known.any():
            self.ledger.fosc.append(fosc[known])
            self.ledger.loss.append(loss[known])

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes the epoch's values."""
        self._taken(logs or {})
        if not any(values.size for values in self.ledger.fosc):
            return
        fosc, loss = np.concatenate(self.ledger.fosc), np.concatenate(self.ledger.loss)
        self.ledger.fosc, self.ledger.loss = [], []
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write(f"epoch_{epoch:04d}_loss.npy", loss)
        self._write(f"epoch_{epoch:04d}.npy", fosc)
        with self.writer.as_default(step=epoch):
            # Not "fosc": that is the scalar's, and TensorBoard shows one kind of data for a name.
            tf.summary.histogram("fosc_of_examples", fosc)

    def _taken(self, logs: dict[str, Any]) -> list[np.ndarray]:
        empty = np.zeros(0, np.float32)
        return [np.asarray(logs.pop(f"{name}_of_examples", empty)) for name in ("fosc", "loss")]

    def _write(self, name: str, values: np.ndarray) -> None:
        unfinished = self.folder / "unfinished.npy"
        np.save(unfinished, values)
        os.replace(unfinished, self.folder / name)
