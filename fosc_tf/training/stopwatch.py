"""Seconds as two clocks count them: the wall's, and this process's on all cores.

watch = Stopwatch()
watch.lap()     # Seconds(wall=2.1, cpu=3.9) since the last lap, or since it was made
"""

from __future__ import annotations

import time
from typing import NamedTuple


class Seconds(NamedTuple):
    """Seconds on the wall's clock, and of the process on all cores.

    Other programs on the machine lengthen the first but hardly the second.
    """

    wall: float = 0.0
    cpu: float = 0.0

    def plus(self, other: Seconds) -> Seconds:
        """Returns the sum, clock by clock."""
        return Seconds(self.wall + other.wall, self.cpu + other.cpu)


class Stopwatch:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._last = self._now()

    def lap(self) -> Seconds:
        """Returns what has passed since the last call, or since the start."""
        before, self._last = self._last, self._now()
        return Seconds(self._last.wall - before.wall, self._last.cpu - before.cpu)

    @staticmethod
    def _now() -> Seconds:
        return Seconds(time.monotonic(), time.process_time())
