"""Stops a run at once when it has become not a number.

trainer.fit(dataset, callbacks=[NanGuard()])
"""

from __future__ import annotations

import math
from typing import Any

import keras


class NotFinite(ArithmeticError):
    """A metric or a weight became NaN or infinite; the message names it and the step."""


class NanGuard(keras.callbacks.Callback):
    """Raises `NotFinite` after the first step whose metrics are not all finite.

    Put it before the callback that saves checkpoints, so that the last one is a good one.
    """

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Looks at the scalars of this step."""
        for name, value in (logs or {}).items():
            if isinstance(value, float) and not math.isfinite(value):
                raise NotFinite(self._message(f"{name} is {value}"))

    def check_weights(self) -> None:
        """Raises `NotFinite` if a weight of the network is not finite."""
        for weight in self.model.network.weights:
            if not bool(keras.ops.all(keras.ops.isfinite(keras.ops.cast(weight, "float32")))):
                raise NotFinite(self._message(f"weight {weight.path} is not finite"))

    def _message(self, what: str) -> str:
        step = self.model.step
        return (
            f"{what} at step {step}: training stopped, the last checkpoint is from before. "
            "A smaller learning rate is the usual cure"
        )
