"""What the program prints on, and the tables that it prints.

show_table(("run", "clean %", "pgd-20 %"), [("digits_dynamic", "96.1", "63.6")], 1, console())
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fosc_tf.errors import visible
from fosc_tf.show.columns import signed

CORRELATIONS = {
    "accuracy_correlation": "accuracy, bins",
    "hit_correlation": "accuracy, examples",
    "loss_correlation": "loss, bins",
    "example_loss_correlation": "loss, examples",
}
"""The correlations with FOSC of `analysis.Bins`, and what stands over them."""
_WIDER_THAN_ANY = 10_000


def console() -> Console:
    """Returns the standard output; where that is no terminal, lines are not broken at 80."""
    found = Console()
    return found if found.is_terminal else Console(width=_WIDER_THAN_ANY)


def plain(text: str) -> Text:
    """Returns `text`, which may hold names, as it is: without markup, emoji, terminal commands."""
    return Text(visible(text))


def show_table(
    header: Sequence[str], lines: Sequence[Sequence[str]], names: int, console: Console
) -> None:
    """Prints the table; columns that do not fit beside the others begin another part.

    Args:
        header: what stands over each column.
        lines: a cell for each column.
        names: how many columns say whose line it is; every part begins with these.
        console: where to, and how wide it is.
    """
    always = list(range(names))
    part = always
    for column in range(names, len(header)):
        wider = [*part, column]
        if part != always and _width(_table(header, lines, wider), console) > console.width:
            console.print(_table(header, lines, part))
            wider = [*always, column]
        part = wider
    console.print(_table(header, lines, part))


def show_findings(findings: Sequence[dict[str, Any]], console: Console) -> None:
    """Prints pass or flag, and for a flag what it means.

    Args:
        findings: `checkpoint`, `name`, `passed`, `value` and `meaning` of each check.
        console: where to.
    """
    if not findings:
        return
    table = Table("checkpoint", "check", "", "measured")
    for each in findings:
        verdict = "[green]pass[/]" if each["passed"] else "[bold red]FLAG[/]"
        names = (plain(each[name]) for name in ("checkpoint", "name", "value"))
        table.add_row(next(names), next(names), verdict, next(names))
    console.print(table)
    for each in findings:
        if not each["passed"]:
            console.print(plain(f"{each['checkpoint']}, {each['name']}: {each['meaning']}."))


def show_views(summary: dict[str, Any], console: Console) -> None:
    """Prints what `analysis.make_views` returned: correlations, shares, which views are absent."""
    if "fosc" in summary:
        _show_fosc(summary, console)
    for reason in dict.fromkeys(summary["absent"].values()):
        names = [name for name, why in summary["absent"].items() if why == reason]
        console.print(plain(f"No picture of {', '.join(names)}: {reason}"))


def _show_fosc(summary: dict[str, Any], console: Console) -> None:
    settings, fosc = summary["settings"], summary["fosc"]
    examples, steps = summary["examples"], settings["num_steps"]
    title = f"Pearson correlation with FOSC: {examples} test images under PGD-{steps}"
    table = Table("criterion", "range", "n", *CORRELATIONS.values(), title=title)
    for criterion, numbers in fosc.items():
        for row in numbers["correlations"]:
            extent = "all" if row["upper"] is None else f"[0, {row['upper']:.3g}]"
            cells = [signed(row[name]) if name in row else "" for name in CORRELATIONS]
            table.add_row(criterion, extent, str(row["n"]), *cells)
    console.print(table)
    shares = ", ".join(f"{name} {numbers['share']:.1%}" for name, numbers in fosc.items())
    console.print(f"Share of examples in [0, {settings['upper']:g}]: {shares}")


def _table(header: Sequence[str], lines: Sequence[Sequence[str]], part: Sequence[int]) -> Table:
    table = Table()
    for column in part:
        table.add_column(plain(header[column]))
    for line in lines:
        table.add_row(*(plain(line[column]) for column in part))
    return table


def _width(table: Table, console: Console) -> int:
    unlimited = console.options.update(max_width=_WIDER_THAN_ANY)
    return console.measure(table, options=unlimited).maximum
