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

from fosc_tf import files
from fosc_tf.show import columns, table
from fosc_tf.sweeps import pareto

Rows = Sequence[dict[str, Any]]
READ = ("results.json", "history.json", "times.json")
"""The files of a run that a summary is made of."""


def rows(runs: Sequence[tuple[str, pathlib.Path]]) -> list[dict[str, Any]]:
    """Returns a row for each label, checkpoint, attack and epsilon: mean and error over seeds.

    Images crafted on surrogates have columns of their own, "black-box pgd-20", for the mean over a
    run's surrogates.

    Args:
        runs: label and work folder of each finished run.

    Returns:
        Dicts of label, checkpoint, attack, epsilon (None for "clean"), column (of
        `show.columns`), accuracy (in 0..1), standard_error (of the mean, None for one seed),
        seeds (how many), gradients (attack gradients per example, mean over the epochs), seconds
        (of training on the wall's clock) and cpu_seconds (of the process).
    """
    measured: dict[str, list[dict[str, Any]]] = {}
    for label, folder in runs:
        results, epochs, times = (table.read(folder, name) for name in READ)
        costs = _costs(epochs, times)
        found = [row | costs | {"run": folder} for row in results]
        measured.setdefault(label, []).extend(found)
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for label, results in measured.items():
        for row in _by_column(results):
            groups.setdefault((label, row["checkpoint"], row["column"]), []).append(row)
    means = []
    for (label, checkpoint, column), found in groups.items():
        accuracies = [row["accuracy"] for row in found]
        several = len(found) > 1
        mean = {
            "label": label,
            "checkpoint": checkpoint,
            "attack": found[0]["attack"],
            "epsilon": columns.epsilon(found[0]),
            "column": column,
            "accuracy": statistics.fmean(accuracies),
            "standard_error": statistics.stdev(accuracies) / len(found) ** 0.5 if several else None,
            "seeds": len(found),
        }
        for name in ("gradients", "seconds", "cpu_seconds"):
            mean[name] = statistics.fmean(row[name] for row in found)
        means.append(mean)
    return means


def show(rows: Rows, console: Console) -> None:
    """Prints a line for each label and checkpoint and a column for each attack and epsilon.

    Where labels differ in the epsilon of their plain columns, it has a column of its own.
    """
    _grid(rows).show(console)


def write(rows: Rows, runs: Sequence[tuple[str, pathlib.Path]], folder: pathlib.Path) -> None:
    """Writes `sweep.json`, `sweep.md`, `sweep.png` and `sweep_courses.png` into `folder`.

    Of runs that proved held-out images also `pareto.json` and `pareto.png`, see `sweeps.pareto`.

    Args:
        rows: what the function of that name returned.
        runs: what it was given.
        folder: for rows, table and pictures.
    """
    # Matplotlib is slow to import, and nothing else of a sweep needs it.
    from fosc_tf.show import accuracy_plots, proof_plots, training_plots
    from fosc_tf.show.style import encoded

    files.write(folder / "sweep.json", json.dumps(list(rows), indent=1) + "\n")
    files.write(folder / "sweep.md", _grid(rows).markdown() + "\n")
    names = _names(rows)
    drawn = [row | {"attack": row["column"], "label": names[row["label"]]} for row in rows]
    files.write(folder / "sweep.png", encoded(accuracy_plots.of_runs(drawn)))
    histories: dict[str, list[Any]] = {}
    for label, run in runs:
        histories.setdefault(names[label], []).append(table.read(run, "history.json"))
    files.write(folder / "sweep_courses.png", encoded(training_plots.costs(histories)))
    points = pareto.of_runs(runs)
    if len(points) > 1:
        files.write(folder / "pareto.json", json.dumps(points, indent=1) + "\n")
        files.write(folder / "pareto.png", encoded(proof_plots.pareto(points)))


def _grid(rows: Rows) -> table.Grid:
    epsilons = _epsilons(rows)
    named = [row | {"run": row["label"], "epsilon": epsilons.get(row["label"], "")} for row in rows]
    heads = ("run", *(("epsilon",) if epsilons else ()), "checkpoint")
    tails = {
        "gradients": lambda own: f"{own[0]['gradients']:.2f}",
        "training s": lambda own: f"{own[0]['seconds']:.0f}",
        "CPU s": lambda own: f"{own[0]['cpu_seconds']:.0f}",
        "seeds": lambda own: columns.span(row["seeds"] for row in own),
    }
    return table.grid(named, heads, _cell, tails)


def _names(rows: Rows) -> dict[str, str]:
    """Returns what pictures call each label: with its epsilon where they differ."""
    further = {label: f" at epsilon {radius}" for label, radius in _epsilons(rows).items()}
    return {row["label"]: row["label"] + further.get(row["label"], "") for row in rows}


def _epsilons(rows: Rows) -> dict[str, str]:
    """Returns the epsilon of each label's plain columns, such as "pgd-20"; {} if all are equal."""
    first = {
        row["label"]: row["epsilon"]
        for row in rows
        if row["epsilon"] is not None and row["column"] == row["attack"]
    }
    radii = list(dict.fromkeys(first.values()))
    if len(radii) < 2:
        return {}
    return {label: columns.short(radius, radii) for label, radius in first.items()}


def _cell(row: dict[str, Any]) -> str:
    error = row["standard_error"]
    width = "" if error is None else f" ± {columns.percent(error)}"
    return columns.percent(row["accuracy"]) + width


def _by_column(results: Rows) -> list[dict[str, Any]]:
    """Returns a row for each run, checkpoint and column, those of surrogates behind the others."""
    own, lent = [], {}
    for row in columns.labelled(results):
        if "surrogate" in row:
            column = f"black-box {row['column']}"
            lent.setdefault((row["run"], row["checkpoint"], column), []).append(row)
        else:
            own.append(row)
    for (*_, column), found in lent.items():
        accuracy = statistics.fmean(row["accuracy"] for row in found)
        own.append(found[0] | {"column": column, "accuracy": accuracy})
    return own


def _costs(epochs: Rows, times: Rows) -> dict[str, float]:
    return {
        "gradients": statistics.fmean(epoch.get("gradients", 0.0) for epoch in epochs),
        "seconds": sum(time["wall"] for time in times),
        "cpu_seconds": sum(time["cpu"] for time in times),
    }
