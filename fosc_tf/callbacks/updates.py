"""Records the first and the last weight updates: how steep, how far from the start, how wrong.

trainer.fit(dataset, callbacks=[Updates(500, path=pathlib.Path("updates.npz"))])
"""

from __future__ import annotations

import io
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fosc_tf import files
from fosc_tf.number import whole
from fosc_tf.training.ledger import Ledger
from fosc_tf.training.trainer import AdversarialTrainer

MEASURED = ("gradient_norm", "distance", "error")
"""What is known of each update: the l2 norm of the gradient of the weights, before the optimizer
clips or averages it and with the gradients of penalties; the l2 distance of the trainable weights,
after the update, from where training began; the share of the batch that was wrong at the images
trained on, before the update."""


class Updates(keras.callbacks.Callback):
    """Keeps `MEASURED` of the first and of the last `count` updates, in a file and in TensorBoard.

    A large epsilon shows as small gradients and a slow way from the start at first, and as
    gradients that do not vanish in the end.

    Each step measures its own, at a pass over the weights;
    replicas also add up their gradients once more. Free makes several updates of a batch. A trainer
    that was measured once goes on with it.

    Source: Liu 2022 (thesis), section 4.2.3.

    Args:
        count: N, at least 1.
        ledger: keeps them with the checkpoints, so that a resumed run knows them; None keeps them
            here.
        start: trainable weights of the network that training began with; None is those that it
            has as `fit` is first called.
        path: of an `.npz`, written as an epoch ends: `update` [n] int64, from 1, and each of
            `MEASURED` [n] float64, in ascending order; `count`. None writes none.
        writer: TensorBoard summary writer of the scalars `update/gradient_norm` and so on against
            updates; None writes none.
        total: updates of the whole run, by which TensorBoard knows the last ones; None shows it
            the first ones only.

    Raises:
        UserError: a count that is no whole number from 1 on.
    """

    def __init__(
        self,
        count: int = 500,
        ledger: Ledger | None = None,
        *,
        start: Sequence[np.ndarray] | None = None,
        path: pathlib.Path | None = None,
        writer: tf.summary.SummaryWriter | None = None,
        total: int | None = None,
    ) -> None:
        super().__init__()
        self.count = whole("count", count, least=1)
        self.ledger = Ledger() if ledger is None else ledger
        self.start, self.path, self.writer, self.total = start, path, writer, total

    def set_model(self, model: AdversarialTrainer) -> None:
        """Asks the trainer to measure its updates."""
        super().set_model(model)
        model.follow(self.start)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Takes the updates of this batch out of the logs."""
        found = np.asarray((logs or {}).pop("updates"), float)
        known = self.ledger.updates[-1:]
        # Updates of a batch may change from epoch to epoch, so they are counted.
        counted = [each[-1, 0] for each in known if len(each)]
        before = counted[0] if counted else (self.model.step - 1) * len(found)
        numbers = before + 1 + np.arange(len(found))
        rows = np.column_stack([numbers, found])
        self.ledger.updates.append(rows)
        if self.writer is not None:
            last = np.inf if self.total is None else self.total - self.count
            with self.writer.as_default():
                for number, *values in rows[(numbers <= self.count) | (numbers > last)]:
                    for name, value in zip(MEASURED, values, strict=True):
                        tf.summary.scalar(f"update/{name}", value, step=int(number))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Leaves the first and the last ones, and writes them."""
        (logs or {}).pop("updates", None)
        rows = np.concatenate(self.ledger.updates)
        number = rows[:, 0]
        rows = rows[(number <= self.count) | (number > number[-1] - self.count)]
        self.ledger.updates = [rows]
        if self.path is not None:
            arrays = dict(zip(MEASURED, rows[:, 1:].T, strict=True))
            arrays |= {"update": rows[:, 0].astype(np.int64), "count": np.array(self.count)}
            np.savez(content := io.BytesIO(), **arrays)
            files.write(self.path, content.getvalue())
