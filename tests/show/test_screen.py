"""Tables on narrow screens lose nothing."""

import io

import pytest
from rich.console import Console

from fosc_tf.show.screen import show_table

HEADER = ("run", "clean %", "pgd-20 %", "seeds")
LINES = [("digits_dynamic,c_max=[0.1]", "96.11 ± 0.12", "63.61 ± 1.05", "3"), ("b", "1", "2", "1")]


def printed(width, names=1):
    console = Console(file=io.StringIO(), width=width)
    show_table(HEADER, LINES, names, console)
    lines = console.file.getvalue().replace("┃", "│").splitlines()
    assert max(map(len, lines)) <= width
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if "│" in line]
    return [tuple(row) for row in cells]


def test_what_fits_is_one_table():
    whole = [HEADER, *LINES]
    assert printed(200) == whole
    width = 26 + 12 + 12 + 5 + 4 * 2 + 5  # the widest cells, spaces around each, lines between
    assert printed(width) == whole
    assert len(printed(width - 1)) == 2 * len(whole)


def test_parts_begin_with_the_names():
    assert printed(50) == [
        *[(row[0], row[1]) for row in (HEADER, *LINES)],
        *[(row[0], row[2]) for row in (HEADER, *LINES)],
        *[(row[0], row[3]) for row in (HEADER, *LINES)],
    ]


@pytest.mark.parametrize("width", range(46, 80))
def test_every_cell_is_printed_whole_at_any_width(width):
    found = {cell for row in printed(width) for cell in row}
    assert found == {cell for row in (HEADER, *LINES) for cell in row}


def test_a_screen_narrower_than_the_names_wraps_and_keeps_every_column():
    words = " ".join(cell for row in printed(30, names=2) for cell in row)
    for expected in ("pgd-20", "seeds", "63.61", "1.05"):
        assert expected in words
