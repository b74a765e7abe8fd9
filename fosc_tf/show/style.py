"""How every picture looks and is written: sizes, the palette, axes with units.

@style.applied()
def drawn(rows): figure, axes = style.panels(1, 2, "A title"); ...; return figure
data = style.encoded(drawn(rows))      # the bytes of a PNG
"""

from __future__ import annotations

import contextlib
import io
import textwrap
from collections.abc import Iterator
from itertools import cycle, islice

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fosc_tf.errors import visible

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito 2008: told apart by every kind of colour vision."""
_FORMS = {"linestyle": ("-", "--", "-.", ":"), "marker": ("o", "s", "^", "D")}
GREY, MAP = "#7F7F7F", "cividis"
CRITERION = {"ball": COLOURS[0], "box": COLOURS[1]}
FOSC, PERCENT = "FOSC (nats)", (-4, 104)
_UNDATED = {"png": {"Software": None}, "svg": {"Date": None}}
_LETTERS_AN_INCH = 11  # of a title; small letters would leave room for more
_RC = {
    "figure.dpi": 110,
    "savefig.dpi": 130,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "text.parse_math": False,  # names may hold a $
    "legend.fontsize": 8,
    "svg.fonttype": "none",
    "svg.hashsalt": "fosc_tf",
}


@contextlib.contextmanager
def applied() -> Iterator[None]:
    """Draws and saves in the style of the project: a block, or a decorator of a function."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RC)
        yield


@applied()
def encoded(figure: Figure, form: str = "png") -> bytes:
    """Returns the file of a picture, "png" or "svg"; equal figures give equal bytes."""
    file = io.BytesIO()
    figure.savefig(file, format=form, metadata=_UNDATED[form])
    return file.getvalue()


def panels(
    rows: int, columns: int, title: str, *, width: float = 3.5, height: float = 2.5, **options: str
) -> tuple[Figure, np.ndarray]:
    """Returns a figure and its axes [rows, columns], each `width` x `height` inches.

    A long title is broken into lines, with room for each.
    """
    lines = textwrap.wrap(title, int(width * columns * _LETTERS_AN_INCH), break_long_words=True)
    figure = Figure(figsize=(width * columns, height * rows + 0.14 + 0.16 * len(lines)))
    figure.suptitle("\n".join(lines), fontsize=10, x=0.01, ha="left")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def looks(number: int, of: str = "linestyle") -> list[dict[str, str]]:
    """Returns `number` different colours with line styles, so that grey print tells them apart."""
    pairs = zip(cycle(COLOURS), cycle(_FORMS[of]), strict=False)  # 7 and 4: 28 differ
    return [{"color": colour, of: form} for colour, form in islice(pairs, number)]


def marks(number: int) -> list[dict[str, str]]:
    """Returns the same for points: colours with markers."""
    return looks(number, "marker")


def named(text: str) -> str:
    """Returns a name for a legend, which leaves out what begins with an underscore."""
    return visible(f" {text}" if text.startswith("_") else text)


def label(
    axes: Axes, x: str, y: str, bottom: float | None = None, top: float | None = None
) -> None:
    """Names both axes; `bottom` and `top` end the second one, None a little above what is drawn."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if bottom is not None:
        axes.set_ylim(bottom, 1.03 * axes.get_ylim()[1] if top is None else top)


def remark(axes: Axes, text: str) -> None:
    """Writes what a reader would otherwise wonder about into an empty panel."""
    axes.text(0.5, 0.5, text, ha="center", va="center", color=GREY, transform=axes.transAxes)
