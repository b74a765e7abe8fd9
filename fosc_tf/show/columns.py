"""The columns of every table of results, one for each attack and radius, and how numbers are put.

rows = labelled(rows)      # each with its `column`: "pgd-20", or "pgd-20 at 0.1"
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Rows = Sequence[Mapping[str, Any]]


def labelled(rows: Rows) -> list[dict[str, Any]]:
    """Returns the rows with the `column` that each belongs to, equal for equal pairs only.

    It is the name of the attack, and for another epsilon than that of the first row that has one,
    "pgd-20 at 0.1". "clean" has no epsilon.

    Args:
        rows: of one run's `results.json`, all of them.
    """
    radii = list(dict.fromkeys(epsilon(row) for row in rows if epsilon(row) is not None))
    further = {radius: f" at {short(radius, radii)}" for radius in radii[1:]}
    return [{**row, "column": row["attack"] + further.get(epsilon(row), "")} for row in rows]


def span(numbers: Iterable[int]) -> str:
    """Returns "10" where all numbers are 10, else "10 to 30"."""
    known = set(numbers)
    least, most = min(known), max(known)
    return str(least) if least == most else f"{least} to {most}"


def percent(share: float) -> str:
    """Returns "12.50" for 0.125."""
    return f"{100 * share:.2f}"


def signed(correlation: float | None) -> str:
    """Returns "+0.123", or "undefined" where it is None or NaN."""
    known = correlation is not None and math.isfinite(correlation)
    return f"{correlation:+.3f}" if known else "undefined"


def epsilon(row: Mapping[str, Any]) -> float | None:
    """Returns the radius of the row's attack, None for "clean", which has none."""
    return row.get("parameters", {}).get("epsilon")


def short(radius: float, radii: Sequence[float]) -> str:
    """Returns four digits, or all of them where four do not tell the radii apart."""
    four = f"{radius:.4g}"
    same = [other for other in radii if f"{other:.4g}" == four]
    return four if same == [radius] else str(radius)
