"""Layers of a share of their usual channels.

filters = scaled(64, width=0.25)      # 16
"""

from __future__ import annotations

import math

from fosc_tf.errors import UserError
from fosc_tf.number import number


def scaled(units: int, width: float) -> int:
    """Returns units times width, rounded, at least 1.

    Args:
        units: channels of a layer, at least 1.
        width: factor above 0.

    Raises:
        UserError: another width.
    """
    if not 0 < number("width", width, "width=0.5") < math.inf:
        raise UserError("width must be a number > 0", "width=0.5", f"width={width!r}")
    return max(1, round(units * width))
