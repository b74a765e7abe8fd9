"""Records FOSC and loss of each epoch's training examples, in files and in TensorBoard.

trainer.fit(dataset, callbacks=[FoscHistogram(folder, writer, ledger)])
"""

from __future__ import annotations

import io
import pathlib
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fosc_tf import files
from fosc_tf.training.ledger import Ledger
from fosc_tf.training.trainer import AdversarialTrainer

_RECORDED = {"id": "_id", "loss": "_loss", "fosc": ""}
"""What is recorded of each example, and how its file's name ends; FOSC, which says that the others
are there, comes last."""


class FoscHistogram(keras.callbacks.Callback):
    """Writes `epoch_0000.npy` (float32, nats) and the histogram `fosc_of_examples` of each epoch.

    Beside it `epoch_0000_loss.npy` holds the attack's loss at the same examples, in their order,
    and `epoch_0000_id.npy` (int64) which examples these are, where the batches tell. Only batches
    that measure all their examples count (`fosc_every` of the trainer). The values of the epoch
    under way live in the ledger, so a resumed epoch writes what an uninterrupted one would have.

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
        taken = _taken(logs or {})
        known = np.isfinite(taken["fosc"])
        if known.any():
            for name, values in taken.items():
                getattr(self.ledger, name).append(values[known] if values.size else values)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes the epoch's values."""
        _taken(logs or {})
        if not any(values.size for values in self.ledger.fosc):
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, suffix in _RECORDED.items():
            values = np.concatenate(getattr(self.ledger, name))
            setattr(self.ledger, name, [])
            if values.size:
                np.save(content := io.BytesIO(), values)
                files.write(self.folder / f"epoch_{epoch:04d}{suffix}.npy", content.getvalue())
        with self.writer.as_default(step=epoch + 1):
            # Not "fosc": that is the scalar's, and TensorBoard shows one kind of data for a name.
            # The last of what is recorded.
            tf.summary.histogram("fosc_of_examples", values)


def _taken(logs: dict[str, Any]) -> dict[str, np.ndarray]:
    empty = np.zeros(0, np.float32)
    taken = {name: np.asarray(logs.pop(f"{name}_of_examples", empty)) for name in _RECORDED}
    return taken | {"id": taken["id"].astype(np.int64)}
