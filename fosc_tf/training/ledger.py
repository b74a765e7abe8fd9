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


class Ledger(tf.train.experimental.PythonState):
    """Python values that are saved inside each checkpoint and so always agree with its weights.

    Attributes:
        rows: one dict of scalars for each finished epoch.
        best: the row with the best held-out robust accuracy, or None.
        fosc: float32 arrays, FOSC of the examples seen so far in the epoch under way.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.best: dict[str, Any] | None = None
        self.fosc: list[np.ndarray] = []

    def serialize(self) -> bytes:
        """Returns everything as bytes, for the checkpoint."""
        file = io.BytesIO()
        text = json.dumps({"rows": self.rows, "best": self.best})
        fosc = np.concatenate([*self.fosc, np.zeros(0, np.float32)])
        np.savez_compressed(file, text=np.array(text), fosc=fosc)
        return file.getvalue()

    def deserialize(self, value: bytes) -> None:
        """Takes everything from the bytes of `serialize`."""
        archive = np.load(io.BytesIO(value), allow_pickle=False)
        content = json.loads(str(archive["text"]))
        self.rows, self.best = content["rows"], content["best"]
        self.fosc = [archive["fosc"]]
