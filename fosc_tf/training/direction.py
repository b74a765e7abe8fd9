"""Whether more of a number is better, by its name.

direction("val_accuracy")      # "up"
"""

from __future__ import annotations

from typing import Any

_UP = ("accuracy", "frozen")
"""How the names end of what should grow. All else is a loss or a cost: `loss`, the terms of an
objective, the FOSC, which is 0 where the attack has converged, and the gradients spent. `frozen` is
the share of examples that needed fewer of these."""


def direction(name: str, metric: Any = None) -> str:
    """Returns "up" where more of what is called so is better, "down" where less is.

    Args:
        name: as in the logs.
        metric: of Keras, which knows its own direction, or None.
    """
    return getattr(metric, "_direction", None) or ("up" if name.endswith(_UP) else "down")
