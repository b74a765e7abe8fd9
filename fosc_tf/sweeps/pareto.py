"""Clean against verified accuracy on held-out images: which runs no other one beats in both.

points = of_runs(runs)
[point["label"] for point in points if point["unbeaten"]]
"""

from __future__ import annotations

import pathlib
import statistics
from collections.abc import Sequence
from typing import Any

from fosc_tf.choice import best_of
from fosc_tf.show import table

AXES = ("held_out_clean", "held_out_verified")


def of_runs(runs: Sequence[tuple[str, pathlib.Path]]) -> list[dict[str, Any]]:
    """Returns a point for each label whose runs have proved held-out images.

    Nothing here is asked of the test set: who chooses by these points may ask it once.

    Args:
        runs: label and work folder of each finished run.

    Returns:
        Dicts of label, held_out_clean and held_out_verified (of each run's best epoch, means over
        its seeds, in 0..1), seeds, unbeaten (no other label is better in one and as good in the
        other). By growing clean accuracy.
    """
    seen: dict[str, list[Any]] = {}
    for label, folder in runs:
        best = best_of(table.read(folder, "history.json"))
        if best is not None and all(name in best for name in AXES):
            seen.setdefault(label, []).append(best)
    points = [
        {"label": label, "seeds": len(rows)}
        | {name: statistics.fmean(row[name] for row in rows) for name in AXES}
        for label, rows in seen.items()
    ]
    for point in points:
        point["unbeaten"] = not any(_beats(other, point) for other in points)
    return sorted(points, key=lambda point: point[AXES[0]])


def _beats(one: dict[str, Any], other: dict[str, Any]) -> bool:
    pairs = [(one[name], other[name]) for name in AXES]
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)
