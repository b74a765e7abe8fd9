"""A picture on a page: its PNG, how wide it is, and the sentence under it.

Picture(figure, "Accuracy falls from 95.0 % to 59.2 %.")
"""

from __future__ import annotations

import base64
import functools
import re
import struct
from typing import NamedTuple

from matplotlib.figure import Figure

from fosc_tf.show.style import encoded

_NARROW = 600  # pixels; a single panel has about 550
_NUMBER = re.compile(r"[\d,.]*")
_READABLE = 0.65  # of its own pixels: letters of 9 points are then 10 pixels high


class Picture:
    """A figure, or a PNG, and the sentence under it."""

    def __init__(self, drawn: Figure | bytes, caption: str) -> None:
        self.drawn, self.caption = drawn, caption

    @functools.cached_property
    def png(self) -> bytes:
        """The file."""
        return self.drawn if isinstance(self.drawn, bytes) else encoded(self.drawn)

    @property
    def data(self) -> str:
        """The PNG in base64."""
        return base64.b64encode(self.png).decode()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return struct.unpack(">II", self.png[16:24])

    @property
    def broad(self) -> bool:
        """Whether it has panels beside each other, too many for the width of a phone."""
        return self.size[0] > _NARROW

    @property
    def least_width(self) -> int:
        """Pixels of a page below which its letters are hard to read: there it scrolls."""
        return int(_READABLE * self.size[0])


class Section(NamedTuple):
    """Sentences and pictures under the heading `title`, and a table, which may have no lines.

    Attributes:
        opened: whether the table is seen without a click.
    """

    title: str
    pictures: tuple[Picture, ...]
    header: tuple[str, ...] = ()
    lines: tuple[tuple[str, ...], ...] = ()
    opened: bool = False
    sentences: tuple[str, ...] = ()

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns hold numbers alone."""
        columns = zip(*self.lines, strict=True)
        return tuple(all(map(_NUMBER.fullmatch, column)) for column in columns)
