"""Names within Markdown: shown as they are, whatever they hold.

cell("a|b_c")      # "a\\|b_c"
code("a`b")      # "``a`b``"
"""

from __future__ import annotations

import re

from fosc_tf.errors import visible

_SPECIAL = re.compile(r"[\\`*\[\]<>|~#&$!]|(?<![^\W_])_|_(?![^\W_])")
"""An underscore within a word is none of Markdown's marks."""


def cell(text: str) -> str:
    """Returns `text` as a cell of a table, or anywhere within a line, shows it."""
    return _SPECIAL.sub(r"\\\g<0>", visible(text))


def code(text: str) -> str:
    """Returns `text` as a span of code, between more backticks than it has in a row."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence} {visible(text)} {fence}" if "`" in text else f"{fence}{visible(text)}{fence}"
