"""The numbers of the views on one page: correlations with FOSC and shares of converged examples.

numbers = correlations(last, [arrays_of_bins], "box")
show(summary)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from fosc_tf.analysis.bins import pearson
from fosc_tf.analysis.traces import Arrays

CRITERIA = ("ball", "box")
CORRELATIONS = (
    "accuracy_correlation",
    "hit_correlation",
    "loss_correlation",
    "example_loss_correlation",
)


def correlations(last: Arrays, ranges: list[Arrays], criterion: str) -> list[dict[str, Any]]:
    """Returns a row for each range of bins and one for all examples, which has no bins.

    Args:
        last: `hit`, `loss` and `fosc_CRITERION` [n] at the end of the climb.
        ranges: arrays of the views of bins, `CRITERION_FIELD` for the fields of `Bins`.
        criterion: "ball" or "box".

    Returns:
        Dicts of `upper` (loss units, None for all), `n` and Pearson's correlations of FOSC with
        accuracy and mean loss by bin, and with hit and loss by example.
    """
    rows = []
    for arrays in ranges:
        row = {"upper": float(arrays[f"{criterion}_edges"][-1])}
        row["n"] = int(arrays[f"{criterion}_count"].sum())
        rows.append(row | {name: float(arrays[f"{criterion}_{name}"]) for name in CORRELATIONS})
    fosc = last[f"fosc_{criterion}"]
    everyone = {
        "upper": None,
        "n": len(fosc),
        "hit_correlation": pearson(fosc, last["hit"]),
        "example_loss_correlation": pearson(fosc, last["loss"]),
    }
    return [*rows, everyone]


def show(summary: dict[str, Any], console: Console) -> None:
    """Prints what `make_views` returned: correlations, shares, and which views are absent."""
    settings = summary["settings"]
    examples, steps = summary["examples"], settings["num_steps"]
    title = f"Pearson correlation with FOSC: {examples} test images under PGD-{steps}"
    heads = ("accuracy, bins", "accuracy, examples", "loss, bins", "loss, examples")
    table = Table("criterion", "range", "n", *heads, title=title)
    for criterion in CRITERIA:
        for row in summary["fosc"][criterion]["correlations"]:
            extent = "all" if row["upper"] is None else f"[0, {row['upper']:.3g}]"
            cells = [_signed(row[name]) if name in row else "" for name in CORRELATIONS]
            table.add_row(criterion, extent, str(row["n"]), *cells)
    console.print(table)
    shares = ", ".join(f"{name} {summary['fosc'][name]['share']:.1%}" for name in CRITERIA)
    console.print(f"Share of examples in [0, {settings['upper']:g}]: {shares}")
    for reason in dict.fromkeys(summary["absent"].values()):
        names = [name for name, why in summary["absent"].items() if why == reason]
        console.print(f"No picture of {', '.join(names)}: {reason}", highlight=False)


def plain(value: Any) -> Any:
    """Returns `value` for JSON: NumPy numbers as Python's, NaN as None."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _signed(value: float | None) -> str:
    return "undefined" if value is None else f"{value:+.3f}"
