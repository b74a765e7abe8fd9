"""What the program prints on, and tables that are wider than it.

show_table(("run", "clean %", "pgd-20 %"), [("digits_dynamic", "96.1", "63.6")], 1, console())
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_WIDER_THAN_ANY = 10_000


def console() -> Console:
    """Returns the standard output; where that is no terminal, lines are not broken at 80."""
    found = Console()
    return found if found.is_terminal else Console(width=_WIDER_THAN_ANY)


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


def _table(header: Sequence[str], lines: Sequence[Sequence[str]], part: Sequence[int]) -> Table:
    table = Table(*(escape(header[column]) for column in part))
    for line in lines:
        table.add_row(*(escape(line[column]) for column in part))
    return table


def _width(table: Table, console: Console) -> int:
    unlimited = console.options.update(max_width=_WIDER_THAN_ANY)
    return console.measure(table, options=unlimited).maximum
