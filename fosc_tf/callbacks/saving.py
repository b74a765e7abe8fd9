"""Saves checkpoints by epoch and every n steps, and the best network beside them.

trainer.fit(batches, callbacks=[guard, held_out, Saving(checkpoints, ledger, guard, ...)])
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence
from typing import Any

import keras

from fosc_tf import files
from fosc_tf.callbacks.nan_guard import NanGuard
from fosc_tf.choice import best_of
from fosc_tf.training.checkpoints import Checkpoints
from fosc_tf.training.ledger import Ledger
from fosc_tf.training.stopwatch import Seconds, Stopwatch

TIMES = "times.json"


class Saving(keras.callbacks.Callback):
    """Keeps the run's ledger and its checkpoints; must come after what adds to the epoch's logs.

    Which epoch is the best is told in `choice`. Checkpoints made within
    an epoch carry its running means, which Keras resets as the epoch begins again on resuming:
    they are put back. A checkpoint holds their sum over replicas, of which each gets an equal share
    back; the run that saved goes on from equal shares too, so that both round alike. Times too are
    kept with the weights: what was spent on steps that a kill undid is forgotten with them.

    Args:
        checkpoints: where to save.
        ledger: gets a row for each epoch.
        guard: looks at the weights before they are saved.
        steps_per_epoch: batches of one epoch.
        every_steps: steps between checkpoints within an epoch; 0 saves at epoch ends only.
        history: JSON file of the ledger's rows; `times.json` beside it says what each epoch took,
            its held-out evaluation included, in seconds of the wall clock and of the process.
        member_epochs: epochs finished when the network becomes a member of the run's ensemble.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        ledger: Ledger,
        guard: NanGuard,
        *,
        steps_per_epoch: int,
        every_steps: int,
        history: pathlib.Path,
        member_epochs: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.checkpoints, self.ledger, self.guard = checkpoints, ledger, guard
        self.steps_per_epoch, self.every_steps = steps_per_epoch, every_steps
        self.history, self.member_epochs = history, tuple(member_epochs)
        self._watch = Stopwatch()
        self._means = [v for metric in checkpoints.trainer.metrics for v in metric.variables]
        self._saved = [(variable, variable.numpy()) for variable in self._means]

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Puts back the running means of an epoch that is gone on with."""
        if self._step() % self.steps_per_epoch:
            for variable, value in self._saved:
                variable.assign(value)
        self._saved = []
        self._watch.lap()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Saves within the epoch; its last step is left to the epoch's end."""
        step = self._step()
        if self.every_steps and step % self.every_steps == 0 and step % self.steps_per_epoch:
            self.guard.check_weights()
            for variable in self._means:
                variable.assign(variable.numpy())
            self.ledger.spent = self.ledger.spent.plus(self._watch.lap())
            self.checkpoints.save()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Enters the epoch in the ledger, keeps the network if it is the best, and saves."""
        self.guard.check_weights()
        row = {"epoch": epoch, **{name: float(value) for name, value in (logs or {}).items()}}
        self.ledger.rows.append(row)
        known = [each for each in (self.ledger.best, row) if each is not None]
        if best_of(known) is row:
            self.ledger.best = row
            self.checkpoints.save_best()
        if epoch + 1 in self.member_epochs:
            self.checkpoints.save_member(self.member_epochs.index(epoch + 1))
        # Before the checkpoint: after the last one of a run nothing would write it again.
        files.write(self.history, json.dumps(self.ledger.rows, indent=1))
        ledger = self.ledger
        ledger.times.append(ledger.spent.plus(self._watch.lap()))
        ledger.spent = Seconds()
        first = len(ledger.rows) - len(ledger.times)
        seconds = [{"epoch": n, **each._asdict()} for n, each in enumerate(ledger.times, first)]
        files.write(self.history.with_name(TIMES), json.dumps(seconds, indent=1))
        self.checkpoints.save()

    def _step(self) -> int:
        return self.model.step
