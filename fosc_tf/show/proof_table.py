"""What is proved, as a table, a forecast and a picture.

write(rows, folder)      # certified.md, from the rows of certified.json
show(rows, console)
"""

from __future__ import annotations

import math
import pathlib
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from rich.console import Console

from fosc_tf import files
from fosc_tf.show import markdown, screen, style
from fosc_tf.show.columns import Rows, percent

HEADER = ("network", "what", "accuracy %", "alone %", "asked", "n", "seconds")
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
            # The same examples: the fewest that any of the two looked at may differ.
            gap = min(row["accuracy"] for row in attacked) - proved[-1]["accuracy"]
            found.append([network, "not decided: attacked less proved", percent(gap), *[""] * 4])
    return found


def _line(network: str, row: dict[str, Any]) -> list[str]:
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


@style.applied()
def curve(rows: Rows) -> Figure:
    """Draws proved accuracy against the radius, a line for each network, and what attacks left."""
    figure, ((axes,),) = style.panels(1, 1, "Proved accuracy against radius", width=4.2, height=2.6)
    names = list(dict.fromkeys(row["checkpoint"] for row in rows if "curve" in row))
    for look, name in zip(style.looks(len(names)), names, strict=True):
        own = [row for row in rows if row["checkpoint"] == name]
        points = sorted(
            (row["parameters"]["epsilon"], 100 * row["accuracy"]) for row in own if "curve" in row
        )
        axes.plot(
            *zip(*points, strict=True),
            marker="o",
            markersize=4,
            label=style.named(f"{name}, proved"),
            **look,
        )
        attacked = [row for row in own if "attack" in row and row["attack"] != "clean"]
        if attacked:
            least = min(attacked, key=lambda row: row["accuracy"])
            axes.plot(
                [least["parameters"]["epsilon"]],
                [100 * least["accuracy"]],
                linestyle="none",
                marker="x",
                color=look.get("color"),
                label=style.named(f"{name}, {least['attack']}"),
            )
    style.label(axes, "radius (pixels in [0, 1])", "accuracy (%)", *style.PERCENT)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def caption(rows: Rows) -> str:
    """Returns what the picture shows, in the numbers that were drawn."""
    told = []
    for name in dict.fromkeys(row["checkpoint"] for row in rows if "curve" in row):
        own = sorted(
            (row["parameters"]["epsilon"], row["accuracy"], row["curve"])
            for row in rows
            if row["checkpoint"] == name and "curve" in row
        )
        said = ", ".join(f"{100 * share:.1f} % at {radius:.3g}" for radius, share, _ in own)
        told.append(f"{name}, proved by {own[-1][2]}: {said}.")
    return " ".join(told)
