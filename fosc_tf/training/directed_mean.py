"""A running mean of which everybody knows whether more of it is better.

mean = DirectedMean("accuracy")      # EarlyStopping(monitor="val_accuracy") needs no mode
"""

from __future__ import annotations

import keras

_UP = ("accuracy", "frozen")
"""How the names end of what should grow. All else is a loss or a cost: `loss`, the terms of an
objective, the FOSC, which is 0 where the attack has converged, and the gradients spent. `frozen` is
the share of examples that needed fewer of these."""


def direction(name: str) -> str:
    """Returns "up" where more of what is called so is better, "down" where less is."""
    return "up" if name.endswith(_UP) else "down"


class DirectedMean(keras.metrics.Mean):
    """A `keras.metrics.Mean` with the direction that callbacks of Keras look for."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._direction = direction(name)  # Keras' own name for it; there is no public one.
