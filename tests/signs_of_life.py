"""What a run says while it works, told from what it prints to be kept.

signs_of_life.without(ended.out)      # tables, exports, the line that sums up the training
"""

from __future__ import annotations

import re

_SIGN = re.compile(
    r"\.\.\. .*"  # a reminder
    r"|.*  \d+ s"  # what has ended
    r"|(data|network|defense|device|folder): .*"
    r"|\s*(epoch|\d+/\d+)\s.*"
)


def without(out: str) -> list[str]:
    """Returns the lines of `out` that are no signs of life."""
    return [line for line in out.splitlines() if not _SIGN.fullmatch(line)]
