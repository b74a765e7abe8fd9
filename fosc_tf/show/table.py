"""Results as people and programs read them: a table on screen, JSON and Markdown in files.

write(rows, folder)      # results.json and results.md
show(rows)
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from rich.console import Console

from fosc_tf import files
from fosc_tf.show import columns, markdown, screen
from fosc_tf.show.columns import Rows

TRANSFER = "Transfer: attacks crafted on the surrogate:"
_TEXT, _NUMBER = (str, None), files.NUMBER
_FOUND_AGAIN = "--mode=evaluate once more, without the damaged file: it is written anew"
_KEPT = "an undamaged copy; the file was written while training, and nothing writes it again"
_RESULT = {"checkpoint": str, "attack": str, "accuracy": _NUMBER, "n": int, "surrogate": _TEXT}
_PARAMETERS = {"parameters": {"epsilon": (*_NUMBER, None)}, "after": ({...: _NUMBER}, None)}
_CHECK = {"checkpoint": str, "name": str, "passed": bool, "value": str, "meaning": str}
_ROWS = {
    "results.json": ([_RESULT | _PARAMETERS], _FOUND_AGAIN),
    "checks.json": ([_CHECK], _FOUND_AGAIN),
    "history.json": ([{"epoch": int, ...: _NUMBER}, ...], _KEPT),
    "times.json": ([{"wall": _NUMBER, "cpu": _NUMBER}, ...], _KEPT),
}


class Grid(NamedTuple):
    """Accuracies by network and by attack and epsilon.

    Attributes:
        heads: of the names that each line begins with.
        columns: labels of `fosc_tf.show.columns`.
        tails: of what each line ends with.
        lines: cells of all these; empty where nothing was measured.
    """

    heads: Sequence[str]
    columns: list[str]
    tails: Sequence[str]
    lines: list[list[str]]

    @property
    def header(self) -> list[str]:
        """What stands over the cells of a line."""
        return [*self.heads, *(f"{name} %" for name in self.columns), *self.tails]

    def show(self, console: Console) -> None:
        """Prints it."""
        screen.show_table(self.header, self.lines, len(self.heads), console)

    def markdown(self) -> str:
        """Returns it in Markdown."""
        lines = [self.header, ["---"] * len(self.header), *self.lines]
        return "\n".join(f"| {' | '.join(map(markdown.cell, line))} |" for line in lines)


def grid(
    rows: Rows,
    heads: Sequence[str],
    cell: Callable[[dict[str, Any]], str],
    tails: Mapping[str, Callable[[Rows], str]],
) -> Grid:
    """Returns a line for all rows that agree in `heads`.

    Args:
        rows: with a `column` and the strings `heads`.
        heads: names of fields.
        cell: writes one row.
        tails: each writes something of all rows of a line.
    """
    labels = list(dict.fromkeys(row["column"] for row in rows))
    found: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(tuple(row[head] for head in heads), {})[row["column"]] = row
    lines = [
        [*names, *(cell(own[label]) if label in own else "" for label in labels)]
        + [tail(list(own.values())) for tail in tails.values()]
        for names, own in found.items()
    ]
    return Grid(heads, labels, list(tails), lines)


def white_box(rows: Rows) -> Grid:
    """Returns a line for each checkpoint, from the rows of `results.json`."""
    return _of_results(rows, "checkpoint")


def transfer(rows: Rows) -> Grid:
    """Returns a line for each checkpoint and surrogate, from the rows of `results.json`."""
    return _of_results(rows, "checkpoint", "surrogate")


def show(rows: Rows, console: Console) -> None:
    """Prints accuracies in %, a column for each attack and epsilon; transfer in its own table."""
    white_box(rows).show(console)
    crafted = transfer(rows)
    if crafted.lines:
        console.print(TRANSFER)
        crafted.show(console)


def write(rows: Rows, folder: pathlib.Path, note: str = "") -> None:
    """Writes `results.json` (the rows) and `results.md` (the tables, then `note`) into `folder`."""
    crafted = transfer(rows)
    further = [TRANSFER, crafted.markdown()] if crafted.lines else []
    text = "\n\n".join([white_box(rows).markdown(), *further, note])
    files.write(folder / "results.json", json.dumps(list(rows), indent=1) + "\n")
    files.write(folder / "results.md", text.rstrip() + "\n")


def read(folder: pathlib.Path, name: str = "results.json") -> list[dict[str, Any]]:
    """Returns the rows in one of the files of `_ROWS`, which a run wrote into `folder`.

    Raises:
        UserError: the file is damaged.
    """
    return files.read_json(folder / name, *_ROWS[name])


def _of_results(rows: Rows, *heads: str) -> Grid:
    own = [row for row in columns.labelled(rows) if ("surrogate" in row) == ("surrogate" in heads)]
    examples = {"n": lambda line: columns.span(row["n"] for row in line)}
    return grid(own, heads, lambda row: columns.percent(row["accuracy"]), examples)
