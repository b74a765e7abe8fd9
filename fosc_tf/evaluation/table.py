"""Results as people and programs read them: a table on screen, JSON and Markdown in files.

write(rows, folder)      # results.json and results.md
show(rows)
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.console import Console

from fosc_tf import columns, files, screen

Rows = Sequence[dict[str, Any]]
TRANSFER = "Transfer: attacks crafted on the surrogate"


class Line(NamedTuple):
    """One line of a grid.

    Attributes:
        names: whose line it is, such as ("last",).
        cells: accuracies in % by column; empty where nothing was measured.
        n: how many examples, such as "360", or "1000 to 10000" where columns differ.
    """

    names: tuple[str, ...]
    cells: list[str]
    n: str


class Grid(NamedTuple):
    """Accuracies by network and by attack and epsilon.

    Attributes:
        heads: of the names of each line.
        columns: labels of `fosc_tf.columns`.
        lines: as many cells each as there are columns.
    """

    heads: tuple[str, ...]
    columns: list[str]
    lines: list[Line]


def white_box(rows: Rows) -> Grid:
    """Returns a line for each checkpoint, from the rows of `results.json`."""
    own = [row for row in columns.labelled(rows) if "surrogate" not in row]
    return _grid(own, ("checkpoint",))


def transfer(rows: Rows) -> Grid:
    """Returns a line for each checkpoint and surrogate, from the rows of `results.json`."""
    crafted = [row for row in columns.labelled(rows) if "surrogate" in row]
    return _grid(crafted, ("checkpoint", "surrogate"))


def show(rows: Rows, console: Console | None = None) -> None:
    """Prints accuracies in %, a column for each attack and epsilon; transfer in its own table."""
    console = console or screen.console()
    _print(white_box(rows), console)
    crafted = transfer(rows)
    if crafted.lines:
        console.print(f"{TRANSFER}:")
        _print(crafted, console)


def write(rows: Rows, folder: pathlib.Path, note: str = "") -> None:
    """Writes `results.json` (the rows) and `results.md` (the tables, then `note`) into `folder`."""
    parts = [_in_markdown(white_box(rows))]
    crafted = transfer(rows)
    if crafted.lines:
        parts += [f"{TRANSFER}:", _in_markdown(crafted)]
    files.write(folder / "results.json", json.dumps(list(rows), indent=1) + "\n")
    files.write(folder / "results.md", "\n\n".join([*parts, note]).rstrip() + "\n")


def read(folder: pathlib.Path) -> list[dict[str, Any]]:
    """Returns the rows that `write` wrote into `folder`."""
    return json.loads((folder / "results.json").read_text())


def _grid(rows: Rows, heads: tuple[str, ...]) -> Grid:
    labels = columns.names(rows)
    lines = []
    for names in dict.fromkeys(tuple(row[head] for head in heads) for row in rows):
        own = {row["column"]: row for row in rows if tuple(row[head] for head in heads) == names}
        cells = [f"{100 * own[name]['accuracy']:.2f}" if name in own else "" for name in labels]
        lines.append(Line(names, cells, columns.span(row["n"] for row in own.values())))
    return Grid(heads, labels, lines)


def _header(grid: Grid) -> list[str]:
    return [*grid.heads, *(f"{name} %" for name in grid.columns), "n"]


def _written(grid: Grid) -> list[list[str]]:
    return [[*line.names, *line.cells, line.n] for line in grid.lines]


def _print(grid: Grid, console: Console) -> None:
    screen.show_table(_header(grid), _written(grid), len(grid.heads), console)


def _in_markdown(grid: Grid) -> str:
    header = _header(grid)
    lines = [header, ["---"] * len(header), *_written(grid)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
