"""Many measurements of the same as one cell of a table.

spread([1.0, 1.1, 1.4], ".2f")      # "1.10 [1.05, 1.25]"
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def spread(values: Sequence[float], digits: str) -> str:
    """Returns the median and, in brackets, the quartiles, each in the format `digits`."""
    low, middle, high = (np.quantile(values, share) for share in (0.25, 0.5, 0.75))
    return f"{middle:{digits}} [{low:{digits}}, {high:{digits}}]"
