"""What is proved, as a table and a forecast.

write(rows, folder)      # certified.md, from the rows of certified.json
show(rows, console)
"""

from __future__ import annotations

import math
import pathlib
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from fosc_tf import files
from fosc_tf.show import markdown, screen
from fosc_tf.show.columns import Rows, percent

HEADER = ("network", "what", "accuracy %", "alone %", "asked", "n", "seconds")
_NUMBER = files.NUMBER
_EPSILON = {"parameters": {"epsilon": _NUMBER}}
ROWS = (
    {"checkpoint": str, "curve": str, "accuracy": _NUMBER} | _EPSILON,
    {"checkpoint": str, "method": str, "box": _NUMBER, "even": _NUMBER, "n": int},
    {"checkpoint": str, "method": str, "mean_radius": _NUMBER, "n": int},
    {"checkpoint": str, "attack": str, "accuracy": _NUMBER, "n": int},
    {
        **{"checkpoint": str, "method": str, "accuracy": _NUMBER, "alone": (*_NUMBER, None)},
        **{"asked": int, "n": int, "seconds": _NUMBER},
    },
)
"""What a row of `certified.json` may be, as `files.read_json` has it."""
_MEGA = 2**20


def lines(rows: Rows) -> list[list[str]]:
    """Returns a line for each row: clean, each method, each attack, the gap between, the radius."""
    found = []
    for network in dict.fromkeys(row["checkpoint"] for row in rows):
        own = [row for row in rows if row["checkpoint"] == network and "curve" not in row]
        found += [_line(network, row) for row in own]
        proved = [row for row in own if "alone" in row]
        attacked = [row for row in own if "attack" in row and row["attack"] != "clean"]
        if proved and attacked:
            found += _gap(network, proved, attacked)
    return found


def _gap(network: str, proved: Rows, attacked: Rows) -> list[list[str]]:
    """Returns the line of those who are neither proved nor broken, of as many as all have seen."""
    n = max(row["n"] for row in proved)
    share = [row["accuracy"] for row in proved if row["n"] == n][-1]
    left = [row["accuracy"] for row in attacked if row["n"] == n]
    what = "neither proved nor broken"
    return [[network, what, percent(min(left) - share), "", "", str(n), ""]] if left else []


def _line(network: str, row: dict[str, Any]) -> list[str]:
    if "box" in row:
        what = (
            f"geometric mean radius of the largest boxes: even {row['even']:.4f}, "
            f"a radius a pixel {row['box']:.4f}, {row['box'] / (row['even'] or 1.0):.3f} times"
        )
        return [network, what, *[""] * 3, str(row["n"]), ""]
    if "mean_radius" in row:
        return [
            network,
            f"mean certified {row['method']}: {row['mean_radius']:.4f}",
            *[""] * 3,
            str(row["n"]),
            "",
        ]
    if "attack" in row:
        what = row["attack"] if row["attack"] == "clean" else f"attacked: {row['attack']}"
        return [network, what, percent(row["accuracy"]), "", "", str(row["n"]), ""]
    alone = "" if row["alone"] is None else percent(row["alone"])
    return [
        network,
        f"proved: {row['method']}",
        percent(row["accuracy"]),
        alone,
        str(row["asked"]),
        str(row["n"]),
        f"{row['seconds']:.1f}",
    ]


def write(rows: Rows, folder: pathlib.Path, note: str = "") -> None:
    """Writes `certified.md`: the table, then `note`."""
    table = [list(HEADER), ["---"] * len(HEADER), *lines(rows)]
    text = "\n".join(f"| {' | '.join(map(markdown.cell, line))} |" for line in table)
    files.write(folder / "certified.md", f"{text}\n\n{note}".rstrip() + "\n")


def show(rows: Rows, console: Console) -> None:
    """Prints the table."""
    screen.show_table(HEADER, lines(rows), 2, console)


def show_forecast(found: Sequence[Any], console: Console) -> None:
    """Prints what each method would take; see `fosc_tf.evaluation.proof_forecast`."""
    header = ("method", "about seconds", "about MB", "proved of the first few %")
    cells = [
        [
            each.method,
            "unknown" if math.isnan(each.seconds) else f"{each.seconds:,.1f}",
            f"{each.bytes / _MEGA:,.0f}" if each.bytes else "",
            "" if math.isnan(each.proved) else percent(each.proved),
        ]
        for each in found
    ]
    screen.show_table(header, cells, 1, console)
