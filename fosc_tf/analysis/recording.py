"""What a training run recorded of its own attacks, read from its work folder.

recording = Recording(pathlib.Path("runs/digits_dynamic"))
recording.epochs, recording.fosc(recording.epochs[-1])
"""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import numpy as np

from fosc_tf.errors import UserError


class Recording:
    """The records of one work folder; any of them may be missing.

    Attributes:
        folder: the work folder.
        epochs: 0-based epochs whose FOSC was recorded, ascending. Empty without an attack, or
            where the run measured no FOSC.
        history: one dict of scalars for each finished epoch, from `history.json`.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        files = (folder / "fosc").glob("epoch_*.npy")
        found = (re.fullmatch(r"epoch_(\d+)\.npy", file.name) for file in files)
        self.epochs = sorted(int(match[1]) for match in found if match)
        self.history: list[dict[str, Any]] = []
        path = folder / "history.json"
        if path.exists():
            try:
                self.history = json.loads(path.read_text())
            except ValueError as error:
                raise _damaged(path, error) from error

    def fosc(self, epoch: int) -> np.ndarray:
        """Returns FOSC [n] float32 in loss units, by the run's own criterion, of the examples.

        Only batches that were measured whole are recorded, so n may be less than the training set.

        Raises:
            UserError: the epoch was not recorded, or its file is damaged.
        """
        if epoch not in self.epochs:
            raise not_recorded(epoch, self.epochs)
        return self._read(epoch)

    def loss(self, epoch: int) -> np.ndarray:
        """Returns the attack's loss [n] float32 at the same examples; empty if not recorded."""
        values = self._read(epoch, "_loss", np.float32)
        return values[np.isfinite(values)]

    def ids(self, epoch: int) -> np.ndarray:
        """Returns which examples these are, [n] int64, in the order of `fosc`.

        An id is the example's place in the training set. Empty if not recorded.
        """
        return self._read(epoch, "_id", np.int64)

    def _read(self, epoch: int, suffix: str = "", absent: type | None = None) -> np.ndarray:
        """Reads a file; where it may be missing, `absent` is the type of the values it lacks."""
        path = self.folder / "fosc" / f"epoch_{epoch:04d}{suffix}.npy"
        if absent is not None and not path.exists():
            return np.zeros(0, absent)
        try:
            return np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise _damaged(path, error) from error


def not_recorded(epoch: int, recorded: list[int]) -> UserError:
    """Returns the error for an epoch whose FOSC is not there; it lists those that are."""
    return UserError(
        "analysis.epochs must be epochs whose FOSC was recorded, counted from 0",
        _in_words(recorded) or "none, for this run recorded no FOSC",
        f"epoch {epoch}",
    )


def _in_words(epochs: list[int]) -> str:
    if len(epochs) > 1 and epochs == list(range(epochs[0], epochs[-1] + 1)):
        return f"{epochs[0]} to {epochs[-1]}"
    return ", ".join(map(str, epochs))


def _damaged(path: pathlib.Path, error: Exception) -> UserError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return UserError(
        "what a run recorded must be readable", "an undamaged file", f"{path}: {reason}"
    )
