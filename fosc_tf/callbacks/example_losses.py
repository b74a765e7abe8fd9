"""Records loss and error of every training example in each epoch, by its id.

trainer.fit(dataset, callbacks=[ExampleLosses(folder, num_examples=60000)])
"""

from __future__ import annotations

import io
import pathlib
from typing import Any

import keras
import numpy as np

from fosc_tf import files
from fosc_tf.number import whole
from fosc_tf.training.ledger import Ledger
from fosc_tf.training.trainer import AdversarialTrainer

RECORD = "record_of_examples"


class ExampleLosses(keras.callbacks.Callback):
    """Writes `epoch_0000.npz` of each epoch: `loss` [n] float32 in nats and `error` [n] bool.

    The loss is the cross-entropy of the label at the images trained on, whatever the defense
    descends, so that defenses can be compared; its logits are those of the pass that the weights'
    gradients come from, in training mode, and cost no pass of their own. An example that an epoch
    did not show has a NaN and no error. Of one shown twice the last counts. The epoch under way
    lives in the ledger, so a resumed epoch writes what an uninterrupted one would have. Batches
    without ids leave nothing; nor do ids from `num_examples` on, those of further images.

    Source: Liu 2022 (thesis), section 4.3.1, from which difficulty is taken.

    Args:
        folder: for the arrays; made when first needed.
        num_examples: n, of the whole training set, held-out examples too.
        ledger: saved with the checkpoints; None is one of its own.

    Raises:
        UserError: `num_examples` that is no whole number above 0.
    """

    def __init__(
        self, folder: pathlib.Path, num_examples: int, ledger: Ledger | None = None
    ) -> None:
        super().__init__()
        self.folder, self.ledger = folder, Ledger() if ledger is None else ledger
        self.num_examples = whole("num_examples", num_examples, least=1)

    def set_model(self, model: AdversarialTrainer) -> None:
        """Asks the trainer to report loss and error of each example."""
        super().set_model(model)
        model.reports_losses = True

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Takes this step's record, [batch, 3], out of the logs."""
        taken = (logs or {}).pop(RECORD, None)
        if taken is None:
            return
        ids, loss, error = np.asarray(taken).reshape(-1, 3).T
        ids = ids.astype(np.int64)
        known = (ids >= 0) & (ids < self.num_examples)
        ledger = self.ledger
        if len(ledger.losses) != self.num_examples:
            self._begin()
        ledger.losses[ids[known]] = loss[known]
        ledger.errors[ids[known]] = error[known] > 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes the epoch's losses and errors."""
        (logs or {}).pop(RECORD, None)
        ledger = self.ledger
        if np.isnan(ledger.losses).all():  # so is an empty array
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(content := io.BytesIO(), loss=ledger.losses, error=ledger.errors)
        files.write(self.folder / f"epoch_{epoch:04d}.npz", content.getvalue())
        self._begin()

    def _begin(self) -> None:
        self.ledger.losses = np.full(self.num_examples, np.nan, np.float32)
        self.ledger.errors = np.zeros(self.num_examples, bool)
