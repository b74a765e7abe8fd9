"""Signs of life: who is told of what, and that nobody need listen."""

import pytest

from fosc_tf import signs


class Notes:
    def __init__(self):
        self.heard = []

    def begin(self, work):
        self.heard.append(("begin", work.name))

    def end(self, work, *, failed):
        self.heard.append(("end", work.name, work.done, failed))

    def say(self, text):
        self.heard.append(("say", text))


def test_work_is_told_with_what_was_done():
    notes = Notes()
    with signs.heard(notes), signs.work("outer"), signs.work("inner", 5) as work:
        work.advance(3)
        signs.say("half way")
    assert notes.heard == [
        ("begin", "outer"),
        ("begin", "inner"),
        ("say", "half way"),
        ("end", "inner", 3, False),
        ("end", "outer", 0, False),
    ]


def test_what_raises_has_failed_and_goes_on_raising():
    notes = Notes()
    with pytest.raises(KeyError), signs.heard(notes), signs.work("broken"):
        raise KeyError("x")
    assert notes.heard[-1] == ("end", "broken", 0, True)


def test_nobody_listens_unless_told_to():
    notes = Notes()
    with signs.heard(notes):
        pass
    with signs.work("alone", 2) as work:
        work.advance()
        signs.say("to nobody")
    assert work.done == 1
    assert notes.heard == []
    with signs.heard(notes), signs.heard(None), signs.work("hidden"):
        assert signs.listener() is None
    assert notes.heard == []


def test_time_left_is_what_the_rest_takes_at_this_pace(monkeypatch):
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    work = signs.Work("x", total=40)
    assert work.left is None
    work.advance(10)
    monkeypatch.setattr("time.monotonic", lambda: 106.0)
    assert (work.seconds, work.left) == (6.0, 18.0)  # 0.6 s each, 30 to go
    work.advance(30)
    assert work.left is None
