"""What a sweep found: accuracies of its runs, with mean and standard error over the seeds.

runs = [("digits_dynamic", folder_of_seed_0), ("digits_dynamic", folder_of_seed_1)]
found = rows(runs)
write(found, runs, folder)      # sweep.json, sweep.md, sweep.png and sweep_courses.png
"""

from __future__ import annotations

import json
import pathlib
import statistics
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from fosc_tf import columns, files

Rows = Sequence[dict[str, Any]]


def rows(runs: Sequence[tuple[str, pathlib.Path]]) -> list[dict[str, Any]]:
    """Returns a row for each label, checkpoint, attack and epsilon: mean and error over seeds.

    Args:
        runs: label and work folder of each finished run.

    Returns:
        Dicts of label, checkpoint, attack, epsilon (None for "clean"), column (of
        `fosc_tf.columns`), accuracy (in 0..1), standard_error (of the mean, None for one seed),
        seeds (how many), gradients (attack gradients per example, mean over the epochs), seconds
        (of training on the wall's clock) and cpu_seconds (of the process).
    """
    measured: dict[str, list[dict[str, Any]]] = {}
    for label, folder in runs:
        costs = _costs(folder)
        results = json.loads((folder / "results.json").read_text())
        measured.setdefault(label, []).extend(row | costs for row in results)
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for label, results in measured.items():
        for row in columns.labelled(results):
            if "surrogate" not in row:
                groups.setdefault((label, row["checkpoint"], row["column"]), []).append(row)
    means = []
    for (label, checkpoint, column), found in groups.items():
        accuracies = [row["accuracy"] for row in found]
        error = None
        if len(found) > 1:
            error = statistics.stdev(accuracies) / len(found) ** 0.5
        means.append(
            {
                "label": label,
                "checkpoint": checkpoint,
                "attack": found[0]["attack"],
                "epsilon": columns.epsilon(found[0]),
                "column": column,
                "accuracy": statistics.fmean(accuracies),
                "standard_error": error,
                "seeds": len(found),
            }
            | {
                name: statistics.fmean(row[name] for row in found)
                for name in ("gradients", "seconds", "cpu_seconds")
            }
        )
    return means


def show(rows: Rows, console: Console) -> None:
    """Prints a line for each label and checkpoint and a column for each attack and epsilon."""
    table = Table(*_header(rows))
    for line in _lines(rows):
        table.add_row(*line)
    console.print(table)


def write(rows: Rows, runs: Sequence[tuple[str, pathlib.Path]], folder: pathlib.Path) -> None:
    """Writes `sweep.json`, `sweep.md`, `sweep.png` and `sweep_courses.png` into `folder`.

    Args:
        rows: what the function of that name returned.
        runs: what it was given.
        folder: for rows, table and the pictures of `sweep_pictures`.
    """
    # Matplotlib is slow to import, and nothing else of a sweep needs it.
    from fosc_tf import sweep_pictures

    header = _header(rows)
    lines = [header, ["---"] * len(header), *_lines(rows)]
    markdown = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    files.write(folder / "sweep.json", json.dumps(list(rows), indent=1) + "\n")
    files.write(folder / "sweep.md", markdown + "\n")
    drawn = [row | {"attack": row["column"]} for row in rows]
    files.write(folder / "sweep.png", sweep_pictures.accuracies(drawn))
    histories: dict[str, list[Any]] = {}
    for label, run in runs:
        histories.setdefault(label, []).append(json.loads((run / "history.json").read_text()))
    files.write(folder / "sweep_courses.png", sweep_pictures.courses(histories))


def _header(rows: Rows) -> list[str]:
    costs = ["gradients", "training s", "CPU s", "seeds"]
    return ["run", "checkpoint", *(f"{name} %" for name in columns.names(rows)), *costs]


def _lines(rows: Rows) -> list[list[str]]:
    lines = []
    for label, checkpoint in dict.fromkeys((row["label"], row["checkpoint"]) for row in rows):
        own = {
            row["column"]: row
            for row in rows
            if (row["label"], row["checkpoint"]) == (label, checkpoint)
        }
        cells = [_cell(own.get(name)) for name in columns.names(rows)]
        one = next(iter(own.values()))
        seconds = [f"{one[name]:.0f}" for name in ("seconds", "cpu_seconds")]
        seeds = columns.span(row["seeds"] for row in own.values())
        costs = [f"{one['gradients']:.2f}", *seconds, seeds]
        lines.append([label, checkpoint, *cells, *costs])
    return lines


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    error = row["standard_error"]
    return f"{100 * row['accuracy']:.2f}" + ("" if error is None else f" ± {100 * error:.2f}")


def _costs(folder: pathlib.Path) -> dict[str, float]:
    epochs, times = (
        json.loads((folder / name).read_text()) for name in ("history.json", "times.json")
    )
    return {
        "gradients": statistics.fmean(epoch.get("gradients", 0.0) for epoch in epochs),
        "seconds": sum(time["wall"] for time in times),
        "cpu_seconds": sum(time["cpu"] for time in times),
    }
