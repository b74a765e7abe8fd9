"""Signs of life: long work says what it is at, and whoever listens may show it.

with heard(listener), work("pgd-20", total=360) as at_work:
    at_work.advance(250)

In library use nobody listens, and nothing is shown.
"""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
import time
from collections.abc import Iterator
from typing import Protocol


@dataclasses.dataclass(eq=False)
class Work:
    """Something that takes a while.

    Attributes:
        name: what is done.
        total: how many there are to do; 0 where nobody knows.
        done: how many are done.
        detail: which part is under way; may be empty.
        result: what came of it, once it has ended; may be empty.
        line: the whole line to show, where the worker words it itself.
        begun: when, in seconds of the monotonic clock.
    """

    name: str
    total: int = 0
    done: int = 0
    detail: str = ""
    result: str = ""
    line: str = ""
    begun: float = dataclasses.field(default_factory=lambda: time.monotonic())

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self.begun

    @property
    def left(self) -> float | None:
        """Seconds until its end, if it goes on as it went; None where nothing tells."""
        if not self.done or self.total <= self.done:
            return None
        return self.seconds * (self.total - self.done) / self.done

    def advance(self, by: int = 1) -> None:
        """Counts what is done."""
        self.done += by


class Listener(Protocol):
    """Who is told."""

    def begin(self, work: Work) -> None:
        """Hears that `work` begins, within what has begun and not ended."""

    def end(self, work: Work, *, failed: bool) -> None:
        """Hears that `work` has ended, or failed."""

    def say(self, text: str) -> None:
        """Hears something to be known."""


_LISTENER: contextvars.ContextVar[Listener | None] = contextvars.ContextVar("listener")


@contextlib.contextmanager
def heard(by: Listener | None) -> Iterator[None]:
    """Tells `by` of all work within the block; None tells nobody."""
    token = _LISTENER.set(by)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def listener() -> Listener | None:
    """Returns who is told."""
    return _LISTENER.get(None)


@contextlib.contextmanager
def work(name: str, total: int = 0) -> Iterator[Work]:
    """Tells of the block as of work, and gives what its progress is noted in."""
    at_work, told = Work(name, total), listener()
    if told is None:
        yield at_work
        return
    told.begin(at_work)
    failed = True
    try:
        yield at_work
        failed = False
    finally:
        told.end(at_work, failed=failed)


def say(text: str) -> None:
    """Says something to be known."""
    told = listener()
    if told is not None:
        told.say(text)
