"""Results as people and programs read them: a table on screen, JSON and Markdown in files.

write(rows, folder)      # results.json and results.md
show(rows)
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from fosc_tf import files

Rows = Sequence[dict[str, Any]]


def show(rows: Rows, console: Console | None = None) -> None:
    """Prints accuracies in %, a line for each checkpoint and a column for each attack."""
    table = Table("checkpoint", *(f"{name} %" for name in _attacks(rows)), "n")
    for checkpoint, line in _lines(rows).items():
        table.add_row(checkpoint, *line)
    (console or Console()).print(table)


def write(rows: Rows, folder: pathlib.Path, note: str = "") -> None:
    """Writes `results.json` (the rows) and `results.md` (the table, then `note`) into `folder`."""
    header = ["checkpoint", *(f"{name} %" for name in _attacks(rows)), "n"]
    lines = [header, ["---"] * len(header)]
    lines += [[checkpoint, *line] for checkpoint, line in _lines(rows).items()]
    markdown = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    files.write(folder / "results.json", json.dumps(list(rows), indent=1) + "\n")
    files.write(folder / "results.md", f"{markdown}\n\n{note}".rstrip() + "\n")


def read(folder: pathlib.Path) -> list[dict[str, Any]]:
    """Returns the rows that `write` wrote into `folder`."""
    return json.loads((folder / "results.json").read_text())


def _attacks(rows: Rows) -> list[str]:
    return list(dict.fromkeys(row["attack"] for row in rows))


def _lines(rows: Rows) -> dict[str, list[str]]:
    lines: dict[str, list[str]] = {}
    for checkpoint in dict.fromkeys(row["checkpoint"] for row in rows):
        own = {row["attack"]: row for row in rows if row["checkpoint"] == checkpoint}
        cells = [f"{100 * own[a]['accuracy']:.2f}" if a in own else "" for a in _attacks(rows)]
        lines[checkpoint] = [*cells, str(next(iter(own.values()))["n"])]
    return lines
