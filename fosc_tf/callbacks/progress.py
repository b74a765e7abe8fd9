"""One live line an epoch on a terminal; without a terminal, one log line at verbosity 0.

trainer.fit(batches, verbose=0, callbacks=[Progress(total_epochs=50, steps_per_epoch=468, ...)])
"""

from __future__ import annotations

import time
from typing import Any

import keras
from absl import logging
from rich.console import Console
from rich.progress import Progress as Live
from rich.progress import TextColumn
from rich.table import Column

_SHOWN = {
    "loss": "loss {:.3f}",
    "accuracy": "accuracy {:.1%}",
    "threshold": "c_t {:.3f}",
    "fosc": "FOSC {:.3f}",
    "gradients": "gradients {:.1f}",
    "held_out_robust": "held-out {:.1%}",
}


class Progress(keras.callbacks.Callback):
    """Shows loss, accuracy, c_t, mean FOSC, gradients per example, examples/s and time left.

    Args:
        total_epochs: T.
        steps_per_epoch: batches of one epoch.
        batch_size: examples of one batch.
        console: where to write; the standard output if None.
    """

    def __init__(
        self,
        *,
        total_epochs: int,
        steps_per_epoch: int,
        batch_size: int,
        console: Console | None = None,
    ) -> None:
        super().__init__()
        self.total_epochs, self.steps_per_epoch = total_epochs, steps_per_epoch
        self.batch_size = batch_size
        self.console = console or Console()
        self._bar: Live | None = None
        self._started = self._first_step = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts this epoch's line."""
        if self.console.is_terminal:
            line = TextColumn("{task.description}", table_column=Column(overflow="fold"))
            self._bar = Live(line, console=self.console)
            self._bar.add_task(self._head(epoch, 0), total=self.steps_per_epoch)
            self._bar.start()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Moves the line on."""
        step = self.model.step
        if self._started is None:
            # The first step compiles; the clock starts after it.
            self._started, self._first_step = time.monotonic(), step
        if self._bar is not None:
            within = step - (step - 1) // self.steps_per_epoch * self.steps_per_epoch
            head = self._head((step - 1) // self.steps_per_epoch, within)
            self._bar.update(0, description=head + self._text(step, logs or {}))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Leaves the finished line standing."""
        text = self._text(self.model.step, logs or {})
        if self._bar is not None:
            self._bar.update(0, description=self._head(epoch, self.steps_per_epoch) + text)
            self.close()
        else:
            logging.info("epoch %d/%d  %s", epoch + 1, self.total_epochs, text)

    def close(self) -> None:
        """Gives the terminal back; harmless when called twice."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _head(self, epoch: int, within: int) -> str:
        return f"epoch {epoch + 1}/{self.total_epochs} {within / self.steps_per_epoch:4.0%} "

    def _text(self, step: int, logs: dict[str, Any]) -> str:
        words = [form.format(logs[name]) for name, form in _SHOWN.items() if name in logs]
        done = step - self._first_step
        if done:
            pace = done / (time.monotonic() - self._started)
            left = (self.total_epochs * self.steps_per_epoch - step) / pace
            words.append(f"{pace * self.batch_size:.0f} examples/s")
            words.append(
                f"{int(left // 3600)}:{int(left // 60 % 60):02d}:{int(left % 60):02d} left"
            )
        return "  ".join(words)
