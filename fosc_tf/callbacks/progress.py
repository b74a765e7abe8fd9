"""One line an epoch, live on a terminal, with the time left.

trainer.fit(batches, verbose=0, callbacks=[Progress(total_epochs=50, steps_per_epoch=468, ...)])
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

import keras
from rich.console import Console

from fosc_tf import signs
from fosc_tf.show.live import Live, duration

Pace = Callable[[float, float], float]
"""Seconds of what comes after training, by the seconds that a compilation and a gradient of one
example took in it."""
_COLUMNS = {
    "loss": ("loss", "{:.3f}", 8),
    "accuracy": ("accuracy", "{:.1%}", 10),
    "threshold": ("c_t", "{:.3f}", 7),
    "fosc": ("FOSC", "{:.3f}", 8),
    "gradients": ("gradients", "{:.1f}", 11),
    "epsilon": ("epsilon", "{:.4f}", 8),
    "held_out_robust": ("held-out", "{:.1%}", 10),
    "held_out_verified": ("proved", "{:.1%}", 7),
}
"""Heading, form and width by the name in the logs; with epoch, pace and time left 80 columns."""
_NOT_BESIDE_PROOFS = ("fosc", "threshold")
"""What would make the line too wide where held-out images are proved."""
_OF_A_STEP = 3.0  # gradients that an update of the weights costs, its own forward passes included


class Progress(keras.callbacks.Callback):
    """Shows loss, accuracy, c_t, mean FOSC, gradients per example, examples/s and time left.

    The line of an epoch stays when it has ended. Where somebody listens to signs of life (see
    `fosc_tf.signs`) they are told, else `console`.

    Args:
        total_epochs: T.
        steps_per_epoch: batches of one epoch.
        batch_size: examples of one batch.
        held_out: what the end of an epoch will add to its logs, such as `held_out_robust`.
        afterwards: what else counts for the time left, see `Pace`; None nothing.
        console: where to write; the standard output if None.
    """

    def __init__(
        self,
        *,
        total_epochs: int,
        steps_per_epoch: int,
        batch_size: int,
        held_out: Collection[str] = (),
        afterwards: Pace | None = None,
        console: Console | None = None,
    ) -> None:
        super().__init__()
        self.total_epochs, self.steps_per_epoch = total_epochs, steps_per_epoch
        self.batch_size, self.held_out, self.afterwards = batch_size, held_out, afterwards
        self.console = console or Console()
        self._listener = signs.listener() if console is None else None
        self._listener = self._listener or Live(self.console)
        self._work: signs.Work | None = None
        self._begun = time.monotonic()
        self._started: float | None = None
        self._first_step = 0
        self._columns: list[str] = []

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts this epoch's line."""
        self._work = signs.Work(f"epoch {epoch + 1}/{self.total_epochs}")
        self._work.detail = "" if self._columns else "the first batch is compiled"
        self._listener.begin(self._work)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Moves the line on."""
        step = self.model.step
        if self._started is None:
            # The first step compiles; the clock starts after it.
            self._started, self._first_step = time.monotonic(), step
            self._head(logs or {})
        if self._work is not None:
            self._work.line = self._text(step, logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Leaves the finished line standing."""
        if self._work is not None:
            self._work.line = self._text(self.model.step, logs or {}, ended=True)
            self._end(failed=False)

    def close(self) -> None:
        """Gives the terminal back; harmless when called twice."""
        self._end(failed=True)

    def _end(self, *, failed: bool) -> None:
        if self._work is not None:
            self._listener.end(self._work, failed=failed)
            self._work = None

    def _head(self, logs: dict[str, Any]) -> None:
        known = {*logs, *self.held_out}
        if "held_out_verified" in known:
            known -= {*_NOT_BESIDE_PROOFS}
        self._columns = [name for name in _COLUMNS if name in known]
        cells = [f"{_COLUMNS[name][0]:>{_COLUMNS[name][2]}}" for name in self._columns]
        self._listener.say(f"{'epoch':>7}{''.join(cells)}{'images/s':>10}{'left':>9}")

    def _text(self, step: int, logs: dict[str, Any], *, ended: bool = False) -> str:
        epoch = (step - 1) // self.steps_per_epoch
        within = step - epoch * self.steps_per_epoch
        cells = [f"{f'{epoch + 1}/{self.total_epochs}':>7}"]
        for name in self._columns:
            _, form, width = _COLUMNS[name]
            cell = form.format(logs[name]) if name in logs else ""
            if name == "held_out_robust" and not ended:
                cell = f"at {within / self.steps_per_epoch:.0%}"
            cells.append(f"{cell:>{width}}")
        done = step - self._first_step
        if done:
            step_seconds = (time.monotonic() - self._started) / done
            cells.append(f"{self.batch_size / step_seconds:>10.0f}")
            left = (self.total_epochs * self.steps_per_epoch - step) * step_seconds
            if self.afterwards is not None:
                gradients = logs.get("gradients", 0.0) + _OF_A_STEP
                compilation = self._started - self._begun
                left += self.afterwards(compilation, step_seconds / self.batch_size / gradients)
            cells.append(f"{duration(left):>9}")
        return "".join(cells)
