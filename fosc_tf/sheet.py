"""Text in columns for a terminal of 80, without a library that takes time to load.

entry(("seed", "0"), "decides weights and order", (22, 12))      # lines
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from fosc_tf.errors import visible

WIDTH = 80


def entry(heads: Sequence[str], text: str, widths: Sequence[int], indent: int = 2) -> list[str]:
    """Returns the lines of one entry: its heads, each in a column, and beside them its text.

    Args:
        heads: what stands in the columns before the text; one too long for its own pushes on.
        text: broken at the right edge; where the heads leave no room it begins in the next line.
        widths: of the heads' columns, with the space between them.
        indent: spaces before all.
    """
    left = " " * indent
    for head, width in zip(heads, widths, strict=True):
        left += f"{visible(head)} ".ljust(width)
    column = indent + sum(widths)
    lines = _wrapped(text, WIDTH - column)
    if len(left) > column:
        first = _wrapped(left.rstrip(), WIDTH, subsequent_indent="    ", drop_whitespace=False)
    else:
        first = [left.ljust(column) + (lines.pop(0) if lines else "")]
    return [line.rstrip() for line in (*first, *(" " * column + line for line in lines))]


def paragraph(text: str, indent: int = 0) -> list[str]:
    """Returns the lines of a text, later ones indented by two more."""
    spaces = " " * indent
    return _wrapped(text, WIDTH, initial_indent=spaces, subsequent_indent=f"{spaces}  ")


def _wrapped(text: str, width: int, **options: Any) -> list[str]:
    """Returns lines; a hyphen, which may be one of an address, ends none."""
    return textwrap.wrap(visible(text), width, break_on_hyphens=False, **options)
