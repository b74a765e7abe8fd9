"""What a training run recorded of its own attacks, read from its work folder.

recording = Recording(pathlib.Path("runs/digits_dynamic"))
recording.epochs, recording.fosc(recording.epochs[-1])
"""

from __future__ import annotations

import pathlib
import re
import zipfile
from typing import Any

import numpy as np

from fosc_tf.errors import UserError
from fosc_tf.show import table

ADAPTED = "adapted.npz"
"""What a defense has adapted to each example, by its id, with `label` and `trained_on`."""
UPDATES = "updates.npz"
"""What was measured of the first and last weight updates, see `callbacks.Updates`."""


class Recording:
    """The records of one work folder; any of them may be missing.

    Attributes:
        folder: the work folder.
        epochs: 0-based epochs whose FOSC was recorded, ascending. Empty without an attack, or
            where the run measured no FOSC.
        epochs_of_norms: 0-based epochs whose input gradients were looked at, ascending.
        history: one dict of scalars for each finished epoch, from `history.json`.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        files = (folder / "fosc").glob("epoch_*.npy")
        found = (re.fullmatch(r"epoch_(\d+)\.npy", file.name) for file in files)
        self.epochs = sorted(int(match[1]) for match in found if match)
        looked = (
            file.stem.removeprefix("epoch_") for file in (folder / "gradients").glob("epoch_*.npy")
        )
        self.epochs_of_norms = sorted(int(number) for number in looked if number.isdigit())
        known = (folder / "history.json").exists()
        self.history: list[dict[str, Any]] = table.read(folder, "history.json") if known else []

    def fosc(self, epoch: int) -> np.ndarray:
        """Returns FOSC [n] float32 in loss units, by the run's own criterion, of the examples.

        Only batches that were measured whole are recorded, so n may be less than the training set.

        Raises:
            UserError: the epoch was not recorded, or its file is damaged.
        """
        if epoch not in self.epochs:
            raise not_recorded(epoch, self.epochs)
        return _read(self._path(epoch))

    def loss(self, epoch: int) -> np.ndarray:
        """Returns the attack's loss [n] float32 at the same examples; empty if not recorded."""
        path = self._path(epoch, "_loss")
        values = _read(path) if path.exists() else np.zeros(0, np.float32)
        return values[np.isfinite(values)]

    def ids(self, epoch: int) -> np.ndarray:
        """Returns which examples these are, [n] int64, in the order of `fosc`.

        An id is the example's place in the training set. Empty if not recorded.
        """
        path = self._path(epoch, "_id")
        return _read(path) if path.exists() else np.zeros(0, np.int64)

    def losses(self, num_examples: int) -> np.ndarray:
        """Returns the attack's loss of each training example, [epochs, num_examples] float32.

        By ids; NaN where an example was not recorded.
        """
        found = np.full([len(self.epochs), num_examples], np.nan, np.float32)
        for row, epoch in zip(found, self.epochs, strict=True):
            ids, path = self.ids(epoch), self._path(epoch, "_loss")
            if ids.size and path.exists():
                row[ids] = _read(path)
        return found

    def adapted(self) -> dict[str, np.ndarray]:
        """Returns what the defense has adapted to each example, by its id; nothing without.

        Raises:
            UserError: its file is damaged.
        """
        return self._arrays(ADAPTED)

    def updates(self) -> dict[str, np.ndarray]:
        """Returns the arrays of `callbacks.Updates`; nothing where no updates were measured.

        Raises:
            UserError: their file is damaged.
        """
        return self._arrays(UPDATES)

    def _arrays(self, name: str) -> dict[str, np.ndarray]:
        path = self.folder / name
        if not path.exists():
            return {}
        try:
            with np.load(path) as arrays:
                return dict(arrays)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            reason = str(error).partition("\n")[0]
            raise UserError(
                "what a run recorded must be readable", "an undamaged file", f"{path}: {reason}"
            ) from error

    def norms(self, epoch: int) -> np.ndarray:
        """Returns l2 norms [n] float32 of input gradients at held-out images.

        Raises:
            UserError: the epoch was not recorded, or its file is damaged.
        """
        if epoch not in self.epochs_of_norms:
            raise not_recorded(epoch, self.epochs_of_norms)
        return _read(self.folder / "gradients" / f"epoch_{epoch:04d}.npy")

    def _path(self, epoch: int, suffix: str = "") -> pathlib.Path:
        return self.folder / "fosc" / f"epoch_{epoch:04d}{suffix}.npy"


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


def _read(path: pathlib.Path) -> np.ndarray:
    try:
        return np.load(path)
    except (OSError, ValueError, EOFError) as error:
        rule, reason = "what a run recorded must be readable", str(error).partition("\n")[0]
        raise UserError(rule, "an undamaged file", f"{path}: {reason}") from error
