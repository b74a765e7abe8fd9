"""Signs of life on a console: lines that stay, the line that moves, reminders in a log."""

import io
import time

import pytest
from rich.console import Console

from fosc_tf import signs
from fosc_tf.show import live


@pytest.fixture
def clock(monkeypatch):
    """Seconds that a test sets by hand."""
    now = {"now": 100.0}
    monkeypatch.setattr("time.monotonic", lambda: now["now"])
    return now


def plain():
    return Console(file=io.StringIO(), width=80)


def test_work_leaves_its_result_and_its_seconds(clock):
    console = plain()
    with signs.heard(live.Live(console)), signs.work("last"), signs.work("pgd-20", 360) as work:
        clock["now"] += 4
        work.result = "63.61%"
    # The outer one has had a line within it, and none of its own.
    assert console.file.getvalue() == "last: pgd-20  63.61%  4 s\n"


def test_what_is_brief_or_failed_leaves_none(clock):
    console = plain()
    shown = live.Live(console)
    with signs.heard(shown), signs.work("known already"):
        clock["now"] += 0.1
    work = signs.Work("failing")
    shown.begin(work)
    clock["now"] += 5
    shown.end(work, failed=True)
    assert console.file.getvalue() == ""


def test_line_of_what_is_under_way(clock):
    shown = live.Live(plain())
    with signs.heard(shown), signs.work("last"), signs.work("autoattack", 1000) as work:
        work.detail = "fab-t"
        work.advance(250)
        clock["now"] += 30
        expected = "last: autoattack: fab-t  250 of 1,000  30 s  0:01:30 left"
        assert shown.under_way() == expected
        work.line = "its own words"
        assert shown.under_way() == "its own words"
    assert shown.under_way() == ""


def test_a_log_is_reminded_of_work_that_takes_long(monkeypatch):
    monkeypatch.setattr(live, "PATIENCE", 0.1)
    console = plain()
    with signs.heard(live.Live(console)), signs.work("a long one", 7):
        deadline = time.time() + 30
        while "..." not in console.file.getvalue() and time.time() < deadline:
            time.sleep(0.05)
    assert "... a long one  0 of 7  " in console.file.getvalue()


def test_a_terminal_shows_a_line_that_fits_and_goes(clock):
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=40, color_system=None)
    shown = live.Live(console)
    with signs.heard(shown), signs.work("w" * 100):
        assert len(str(shown._renderable())) > 40
        clock["now"] += 1
    text = file.getvalue()
    assert "www…" in text  # cut, not broken into two lines
    assert f"{'w' * 100}  1 s" in text


def test_names_cannot_command_the_terminal():
    console = plain()
    live.Live(console).say("a \x1b[31m name [bold]x[/]")
    assert "\x1b" not in console.file.getvalue()
    assert "[bold]x[/]" in console.file.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00:00"), (59.9, "0:00:59"), (3723, "1:02:03")]
)
def test_duration(seconds, text):
    assert live.duration(seconds) == text
