"""What a sweep found: accuracies of its runs, with mean and standard error over the seeds.

found = rows([("digits_dynamic", folder_of_seed_0), ("digits_dynamic", folder_of_seed_1)])
write(found, folder)      # sweep.json, sweep.md and sweep.png
"""

from __future__ import annotations

import io
import json
import pathlib
import statistics
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from fosc_tf import files

Rows = Sequence[dict[str, Any]]


def rows(runs: Sequence[tuple[str, pathlib.Path]]) -> list[dict[str, Any]]:
    """Returns a row for each label, checkpoint and attack: mean and standard error over seeds.

    Args:
        runs: label and work folder of each finished run.

    Returns:
        Dicts of label, checkpoint, attack, accuracy (in 0..1), standard_error (of the mean, None
        for one seed), seeds (how many), gradients (attack gradients per example, mean over the
        epochs), seconds (of training on the wall's clock) and cpu_seconds (of the process).
    """
    groups: dict[tuple, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    for label, folder in runs:
        costs = _costs(folder)
        for row in json.loads((folder / "results.json").read_text()):
            if "surrogate" not in row:
                key = label, row["checkpoint"], row["attack"]
                groups.setdefault(key, []).append((row, costs))
    means = []
    for (label, checkpoint, attack), found in groups.items():
        accuracies = [row["accuracy"] for row, _ in found]
        error = None
        if len(found) > 1:
            error = statistics.stdev(accuracies) / len(found) ** 0.5
        means.append(
            {
                "label": label,
                "checkpoint": checkpoint,
                "attack": attack,
                "accuracy": statistics.fmean(accuracies),
                "standard_error": error,
                "seeds": len(found),
            }
            | {
                name: statistics.fmean(costs[name] for _, costs in found)
                for name in ("gradients", "seconds", "cpu_seconds")
            }
        )
    return means


def show(rows: Rows, console: Console) -> None:
    """Prints a line for each label and checkpoint and a column for each attack."""
    table = Table(*_header(rows))
    for line in _lines(rows):
        table.add_row(*line)
    console.print(table)


def write(rows: Rows, folder: pathlib.Path) -> None:
    """Writes `sweep.json` (the rows), `sweep.md` (the table) and `sweep.png` into `folder`."""
    header = _header(rows)
    lines = [header, ["---"] * len(header), *_lines(rows)]
    markdown = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    files.write(folder / "sweep.json", json.dumps(list(rows), indent=1) + "\n")
    files.write(folder / "sweep.md", markdown + "\n")
    files.write(folder / "sweep.png", _plot(rows))


def _attacks(rows: Rows) -> list[str]:
    return list(dict.fromkeys(row["attack"] for row in rows))


def _header(rows: Rows) -> list[str]:
    costs = ["gradients", "training s", "CPU s", "seeds"]
    return ["run", "checkpoint", *(f"{attack} %" for attack in _attacks(rows)), *costs]


def _lines(rows: Rows) -> list[list[str]]:
    lines = []
    for label, checkpoint in dict.fromkeys((row["label"], row["checkpoint"]) for row in rows):
        own = {
            row["attack"]: row
            for row in rows
            if (row["label"], row["checkpoint"]) == (label, checkpoint)
        }
        cells = [_cell(own.get(attack)) for attack in _attacks(rows)]
        one = next(iter(own.values()))
        seconds = [f"{one[name]:.0f}" for name in ("seconds", "cpu_seconds")]
        costs = [f"{one['gradients']:.2f}", *seconds, str(one["seeds"])]
        lines.append([label, checkpoint, *cells, *costs])
    return lines


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    error = row["standard_error"]
    return f"{100 * row['accuracy']:.2f}" + ("" if error is None else f" ± {100 * error:.2f}")


def _plot(rows: Rows) -> bytes:
    from matplotlib.figure import Figure

    attacks = _attacks(rows)
    last = [row for row in rows if row["checkpoint"] == "last"]
    labels = list(dict.fromkeys(row["label"] for row in last))
    figure = Figure(figsize=(8, 1.5 + 0.5 * len(labels)), layout="constrained")
    axes = figure.subplots()
    for number, attack in enumerate(attacks):
        own = [row for row in last if row["attack"] == attack]
        axes.errorbar(
            [100 * row["accuracy"] for row in own],
            [labels.index(row["label"]) + 0.08 * (number - len(attacks) / 2) for row in own],
            xerr=[100 * (row["standard_error"] or 0.0) for row in own],
            fmt="o",
            markersize=4,
            label=attack,
        )
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.set_xlabel("accuracy of the last network, % (bars: standard error over seeds)")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=4, frameon=False)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=150, metadata={"Software": None})
    return file.getvalue()


def _costs(folder: pathlib.Path) -> dict[str, float]:
    epochs, times = (
        json.loads((folder / name).read_text()) for name in ("history.json", "times.json")
    )
    return {
        "gradients": statistics.fmean(epoch.get("gradients", 0.0) for epoch in epochs),
        "seconds": sum(time["wall"] for time in times),
        "cpu_seconds": sum(time["cpu"] for time in times),
    }
