"""What a run remembers besides variables: finished epochs, the best one, the epoch under way.

ledger = Ledger()
ledger.rows.append({"epoch": 0, "loss": 2.1})
"""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.readable import amount
from fosc_tf.training.stopwatch import Seconds

_OF_EXAMPLES = {"fosc": np.float32, "loss": np.float32, "id": np.int64}


class Ledger(tf.train.experimental.PythonState):
    """Python values that are saved inside each checkpoint and so always agree with its weights.

    Attributes:
        rows: one dict of scalars for each finished epoch.
        best: the row of the best epoch by `choice.best_of`, or None.
        times: what each finished epoch took.
        spent: what the epoch under way has taken so far.
        fosc: float32 arrays, FOSC of the examples seen so far in the epoch under way.
        loss: float32 arrays, the attack's loss at the same examples.
        id: int64 arrays, which examples these are; empty ones where the batches do not tell.
        updates: float64 arrays [n, 4], weight updates as `callbacks.Updates` keeps them.
        losses: [n] float32, losses of the training examples by id in the epoch under way, NaN
            where not seen so far; empty where nobody records them.
        errors: [n] bool, which of them were classified wrong.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.best: dict[str, Any] | None = None
        self.times: list[Seconds] = []
        self.spent = Seconds()
        self.fosc: list[np.ndarray] = []
        self.loss: list[np.ndarray] = []
        self.id: list[np.ndarray] = []
        self.updates: list[np.ndarray] = []
        self.losses, self.errors = np.zeros(0, np.float32), np.zeros(0, bool)

    @property
    def wall(self) -> float:
        """Seconds of the wall's clock that the finished epochs took, in starts since killed too."""
        return sum(each.wall for each in self.times)

    def summary(self) -> str:
        """Returns a line for a reader: epochs, seconds, attack gradients per example."""
        gradients = [row["gradients"] for row in self.rows if "gradients" in row]
        cost = f"{sum(gradients) / len(gradients):.2f}" if gradients else "no"
        epochs = amount(len(self.rows), "epoch")
        return f"{epochs} in {self.wall:.0f} s, {cost} attack gradients per example"

    def serialize(self) -> bytes:
        """Returns everything as bytes, for the checkpoint."""
        file = io.BytesIO()
        content = {"rows": self.rows, "best": self.best, "times": self.times, "spent": self.spent}
        examples = {
            name: np.concatenate([np.zeros(0, dtype), *getattr(self, name)])
            for name, dtype in _OF_EXAMPLES.items()
        }
        examples["updates"] = np.concatenate([np.zeros([0, 4]), *self.updates])
        examples |= {"losses": self.losses, "errors": self.errors}
        np.savez_compressed(file, text=np.array(json.dumps(content)), **examples)
        return file.getvalue()

    def deserialize(self, value: bytes) -> None:
        """Takes everything from the bytes of `serialize`."""
        archive = np.load(io.BytesIO(value), allow_pickle=False)
        content = json.loads(str(archive["text"]))
        self.rows, self.best = content["rows"], content["best"]
        self.times = [Seconds(*each) for each in content["times"]]
        self.spent = Seconds(*content["spent"])
        self.fosc, self.loss, self.id = ([archive[name]] for name in _OF_EXAMPLES)
        # A run may have begun before updates were kept.
        self.updates = [archive["updates"]] if "updates" in archive else []
        if "losses" in archive:  # not in a checkpoint of before they were recorded
            self.losses, self.errors = archive["losses"], archive["errors"]
