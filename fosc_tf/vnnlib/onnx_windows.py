"""Where TensorFlow's windows lie on an image."""

from __future__ import annotations

import math
from collections.abc import Sequence


def windows(
    shape: Sequence[int], window: Sequence[int], strides: Sequence[int], padding: str
) -> tuple[list[int], list[int]]:
    """Returns TensorFlow's padding (above, left, below, right), and height and width after it."""
    before, after, sides = [], [], []
    for side, size, stride in zip(shape, window, strides, strict=False):
        missing = (math.ceil(side / stride) - 1) * stride + size - side
        pad = max(missing, 0) if padding == "same" else 0
        before.append(pad // 2)
        after.append(pad - pad // 2)
        sides.append((side + pad - size) // stride + 1)
    return before + after, sides
