"""Watches for catastrophic overfitting, and undoes it: the training attack is fooled, PGD is not.

held_out = HeldOut(network, batches, "pgd-10", epsilon=8 / 255)
trainer.fit(dataset, callbacks=[held_out, CollapseMonitor(examples=1000, action="go_back")])
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import keras
import numpy as np
from absl import logging

from fosc_tf.errors import UserError, unknown_name
from fosc_tf.number import inside, whole
from fosc_tf.training.checkpoints import to_undo

ACTIONS = ("off", "warn", "go_back")
Row = Mapping[str, Any]


class Kept(Protocol):
    """Where the last good state of a trainer is kept."""

    @property
    def empty(self) -> bool:
        """Whether nothing has been kept so far."""

    def save(self) -> None:
        """Keeps the state as it is."""

    def restore(self) -> None:
        """Puts back what was kept last."""


def has_collapsed(rows: Sequence[Row], examples: int, fall: float = 0.25) -> bool:
    """Returns whether the last of these epochs is one of catastrophic overfitting.

    That is: the accuracy on held-out images under PGD is below its best by the share `fall`, and by
    more than three standard errors of such a difference; so is its ratio to the accuracy on clean
    held-out images by that share, as it is not where the network has become worse as a whole; and
    the accuracy at the images trained on has not fallen by more than 0.05. An epoch that has
    collapsed is never the best.

    Source: the name and both signs are those of Wong et al. 2020, whose code looks at a batch of
    the training set.

    Args:
        rows: logs of the epochs so far, each with `accuracy`, and with `held_out_robust` and
            `held_out_clean` where they were measured; where the latter is not known, the ratio is
            not looked at. Those that said so themselves have `collapsed` above 0.
        examples: held-out images.
        fall: in (0, 1).
    """
    known = [row for row in rows if row.get("held_out_robust") is not None]
    good = [row for row in known[:-1] if not row.get("collapsed")]
    if not good or known[-1] is not rows[-1]:
        return False
    best, last = max(good, key=lambda row: row["held_out_robust"]), rows[-1]
    before, now = best["held_out_robust"], last["held_out_robust"]
    error = math.sqrt((before * (1 - before) + now * (1 - now)) / examples)
    fell = before - now > max(fall * before, 3 * error)
    clean, clean_now = best.get("held_out_clean"), last.get("held_out_clean")
    if clean and clean_now:
        fell = fell and now / clean_now < (1 - fall) * before / clean
    return fell and last["accuracy"] >= best["accuracy"] - 0.05


class CollapseMonitor(keras.callbacks.Callback):
    """Says that training has collapsed, or goes back to the last good epoch and makes it harder.

    After an epoch in which `has_collapsed`, `go_back` puts back the network, the optimizer's
    moments, what the defense remembers and the average of the weights; epochs and learning rate go
    on. The training attack is stronger from then on: see `defenses.relief`. Adds `collapsed`, 1 or
    0, to the logs of an epoch; stands behind `HeldOut` and before what saves.

    Args:
        examples: held-out images.
        action: "warn", or "go_back" for a defense that `with_relief` has made.
        fall: share of the best held-out accuracy whose loss is a collapse, in (0, 1).
        rows: of the epochs before, in a run that goes on.
        before: `HeldOut.measure()` of the network as a run from trained weights begins. The first
            epoch is judged by it; the accuracy at the images trained on, which nobody knows then,
            is taken to be `held_out_robust`. None: the first epoch is judged by nothing.
        kept: where the good state is kept; None is main memory.

    Raises:
        UserError: a number out of its range, another action; as training begins, a defense whose
            attack cannot be made stronger.
    """

    adds: ClassVar[dict[str, str]] = {"collapsed": "down"}

    def __init__(
        self,
        examples: int,
        *,
        action: str = "warn",
        fall: float = 0.25,
        rows: Sequence[Row] = (),
        before: Mapping[str, float] | None = None,
        kept: Kept | None = None,
    ) -> None:
        super().__init__()
        self.examples = whole("examples", examples, least=1)
        self.fall = inside("fall", fall, "fall=0.25", below=1, ends="()")
        if action not in ACTIONS[1:]:
            raise unknown_name("action of the monitor", action, ACTIONS[1:])
        self.action, self.kept, self._rows = action, kept, list(rows)
        if before is not None:
            self._rows.insert(0, {"accuracy": before["held_out_robust"], **before})

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Looks for what makes the attack stronger."""
        del logs
        if self.action != "go_back":
            return
        if self.model.defense.relief is None:
            raise UserError(
                "a monitor that goes back must be able to make the training attack stronger",
                'with_relief(defense) of a defense whose attack is a PGD, or action="warn"',
                f"{self.model.defense!r}",
            )
        self.kept = self.kept or InMemory(self.model)
        if self.kept.empty:  # of a run that warned only, so far
            self.kept.save()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Judges the epoch where it was measured."""
        if "held_out_robust" not in (logs or {}):
            return
        self._rows.append(dict(logs))
        logs["collapsed"] = float(has_collapsed(self._rows, self.examples, self.fall))
        self._rows[-1] = dict(logs)
        if not logs["collapsed"]:
            if self.action == "go_back":
                self.kept.save()
            return
        said = (
            f"catastrophic overfitting in epoch {epoch + 1}: held-out accuracy under PGD is "
            f"{logs['held_out_robust']:.3f}, at the images trained on {logs['accuracy']:.3f}"
        )
        if self.action == "go_back":
            self.kept.restore()
            self.model.defense.relief.more()
            said += "; back at the last good epoch, with a stronger training attack"
        logging.warning("%s", said)


class InMemory:
    """Keeps a trainer's state as arrays."""

    def __init__(self, trainer: keras.Model) -> None:
        self._variables = to_undo(trainer)
        self._values: list[np.ndarray] | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing has been kept so far."""
        return self._values is None

    def save(self) -> None:
        """Keeps the state as it is."""
        self._values = [np.array(variable) for variable in self._variables]

    def restore(self) -> None:
        """Puts back what was kept last."""
        for variable, value in zip(self._variables, self._values, strict=True):
            variable.assign(value)
