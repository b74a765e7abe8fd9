"""The findings of the checks on screen.

show_findings(findings)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from fosc_tf import screen


def show_findings(findings: Sequence[dict[str, Any]], console: Console | None = None) -> None:
    """Prints pass or flag, and for a flag what it means.

    Args:
        findings: dicts of `checks.Finding` with a `checkpoint`.
        console: where to; the standard output if None.
    """
    if not findings:
        return
    console = console or screen.console()
    table = Table("checkpoint", "check", "", "measured")
    for each in findings:
        verdict = "[green]pass[/]" if each["passed"] else "[bold red]FLAG[/]"
        table.add_row(each["checkpoint"], each["name"], verdict, each["value"])
    console.print(table)
    for each in findings:
        if not each["passed"]:
            console.print(f"{each['checkpoint']}, {each['name']}: {each['meaning']}.")
