"""Which epoch of a run is the best: one rule for whoever saves, draws or reports.

best_of(history)["epoch"]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
CHOOSING = ("held_out_verified", "held_out_robust")
"""What chooses, the first that an epoch has measured."""


def score(row: Row) -> tuple[float, ...] | None:
    """Returns what an epoch's logs are compared by, None where nothing was measured.

    Of proved networks that is the share of held-out images that is proved, between equals the
    robust accuracy; of others the robust accuracy.
    """
    return tuple(row[name] for name in CHOOSING if row.get(name) is not None) or None


def best_of(rows: Sequence[Row]) -> Row | None:
    """Returns the row of the best epoch, the earliest of equals; None where none was measured."""
    return max((row for row in rows if score(row)), key=score, default=None)
