"""Records the FOSC of each epoch's training examples: arrays in files, histograms in TensorBoard.

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
    """Writes `epoch_0000.npy` (float32, FOSC in nats) and the histogram `fosc` for each epoch.

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
        """Takes this step's values, [batch], out of the logs."""
        values = np.asarray((logs or {}).pop("fosc_of_examples", np.zeros(0, np.float32)))
        values = values[np.isfinite(values)]
        if values.size:
            self.ledger.fosc.append(values)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes the epoch's values."""
        (logs or {}).pop("fosc_of_examples", None)
        if not self.ledger.fosc:
            return
        values = np.concatenate(self.ledger.fosc)
        self.ledger.fosc = []
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.folder / "unfinished.npy"
        np.save(unfinished, values)
        os.replace(unfinished, self.folder / f"epoch_{epoch:04d}.npy")
        with self.writer.as_default(step=epoch):
            tf.summary.histogram("fosc", values)
