"""What a training run recorded of its own attacks, read from its work folder.

recording = Recording(pathlib.Path("runs/digits_dynamic"))
recording.epochs, recording.fosc(recording.epochs[-1])
"""

from __future__ import annotations

import pathlib
import re
import zipfile
import zlib
from typing import Any

import numpy as np

from fosc_tf.errors import UserError, unknown_name
from fosc_tf.show import table

ADAPTED = "adapted.npz"
"""What a defense has adapted to each example, by its id, with `label` and `trained_on`."""
UPDATES = "updates.npz"
"""What was measured of the first and last weight updates, see `callbacks.Updates`."""

OF_EXAMPLES = ("loss", "error")
"""What is recorded of every training example in each epoch."""


class Recording:
    """The records of one work folder; any of them may be missing.

    Attributes:
        folder: the work folder.
        epochs: 0-based epochs whose FOSC was recorded, ascending. Empty without an attack, or
            where the run measured no FOSC.
        epochs_of_losses: 0-based epochs in which the loss of every example was recorded, ascending.
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
        whole = (
            file.stem.removeprefix("epoch_") for file in (folder / "losses").glob("epoch_*.npz")
        )
        self.epochs_of_losses = sorted(int(number) for number in whole if number.isdigit())
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
        """Returns the loss of each training example by id, [epochs, num_examples] float32.

        The cross-entropies of `of_examples` over `epochs_of_losses`, where they are of so many;
        else the attack's losses over `epochs`. NaN where an example was not recorded.

        Raises:
            UserError: a damaged file.
        """
        if self.epochs_of_losses:
            whole = self.every_loss()
            if whole.shape[1] >= num_examples:
                return whole[:, :num_examples]
        found = np.full([len(self.epochs), num_examples], np.nan, np.float32)
        for row, epoch in zip(found, self.epochs, strict=True):
            ids, path = self.ids(epoch), self._path(epoch, "_loss")
            if ids.size and path.exists():
                row[ids] = _read(path)
        return found

    def every_loss(self, of: str = "loss") -> np.ndarray:
        """Returns a row of `of_examples` for each of `epochs_of_losses`, [epochs, n] float32.

        Args:
            of: "loss" in nats, or "error", 0 or 1; NaN in epochs that did not show the example.

        Raises:
            UserError: an unknown name, no such epoch, a damaged file, files of several sizes.
        """
        if of not in OF_EXAMPLES:
            raise unknown_name("record of examples", of, OF_EXAMPLES)
        if not self.epochs_of_losses:
            raise UserError(
                "a run must have recorded the losses of its training examples",
                "a run with log.losses at least the number of its training images",
                f"{self.folder} without losses/epoch_0000.npz",
            )
        rows = [self.of_examples(epoch) for epoch in self.epochs_of_losses]
        sizes = {len(each["loss"]) for each in rows}
        if len(sizes) > 1:
            raise UserError(
                "all epochs of a run are of the same training examples",
                "an undamaged folder",
                f"{self.folder / 'losses'} with epochs of {sorted(sizes)} examples",
            )
        found = [
            each["loss"]
            if of == "loss"
            else np.where(np.isnan(each["loss"]), np.nan, each["error"])
            for each in rows
        ]
        return np.stack(found).astype(np.float32)

    def of_examples(self, epoch: int) -> dict[str, np.ndarray]:
        """Returns `loss` [n] float32 and `error` [n] bool of all training examples by id.

        See `callbacks.ExampleLosses`: NaN, and no error, where the epoch did not show the example.

        Raises:
            UserError: the epoch was not recorded, or its file is damaged.
        """
        if epoch not in self.epochs_of_losses:
            raise not_recorded(epoch, self.epochs_of_losses)
        found = _archive(self.folder / "losses" / f"epoch_{epoch:04d}.npz")
        return {name: found[name] for name in OF_EXAMPLES}

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
        return _archive(path)

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


def _archive(path: pathlib.Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(
            "what a run recorded must be readable", "an undamaged file", f"{path}: {reason}"
        ) from error


def _read(path: pathlib.Path) -> np.ndarray:
    try:
        return np.load(path)
    except (OSError, ValueError, EOFError) as error:
        rule, reason = "what a run recorded must be readable", str(error).partition("\n")[0]
        raise UserError(rule, "an undamaged file", f"{path}: {reason}") from error
