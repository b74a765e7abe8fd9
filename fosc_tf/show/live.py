"""Signs of life on a console: one line that moves on a terminal, plain lines elsewhere.

with signs.heard(Live(screen.console())):
    evaluate(...)

What ends leaves a line, with its result and how long it took. In between a terminal shows what is
under way; elsewhere, such as in a log, a line says so every now and then.
"""

from __future__ import annotations

import threading
import time

from rich.console import Console
from rich.live import Live as Moving
from rich.text import Text

from fosc_tf.errors import visible
from fosc_tf.signs import Work

PATIENCE = 8.0
"""Seconds after which a plain console hears again of what is under way."""
_SHARE = 0.01  # or this share of the time since the start, where that is more: logs stay short
_BRIEF = 0.2  # seconds; what takes no longer leaves no line
_WHEEL = "|/-\\"


class Live:
    """A listener of `signs` that writes on `console`."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._works: list[Work] = []
        self._leaves: set[int] = set()  # works that have had none within them
        self._moving: Moving | None = None
        self._ended = threading.Event()
        self._born = self._said = time.monotonic()

    def begin(self, work: Work) -> None:
        """Shows that `work` is under way."""
        if self._works:
            self._leaves.discard(id(self._works[-1]))
        self._leaves.add(id(work))
        self._works.append(work)
        if len(self._works) == 1:
            self._start()

    def end(self, work: Work, *, failed: bool) -> None:
        """Leaves a line of work that held no other, unless it was brief or failed."""
        text = self._ending(work)
        self._works.remove(work)
        is_leaf = id(work) in self._leaves
        self._leaves.discard(id(work))
        if not failed and is_leaf and (work.line or work.seconds > _BRIEF):
            self.say(text)
        if not self._works:
            self._stop()

    def say(self, text: str) -> None:
        """Leaves a line."""
        self.console.print(Text(visible(text)), soft_wrap=True)
        self._said = time.monotonic()

    def under_way(self) -> str:
        """Returns the line of what is under way; empty where nothing is."""
        if not self._works:
            return ""
        work = self._works[-1]
        if work.line:
            return work.line
        words = [": ".join([each.name for each in self._works] + [work.detail] * bool(work.detail))]
        counted = next((each for each in reversed(self._works) if each.total), None)
        if counted is not None:
            words.append(f"{counted.done:,} of {counted.total:,}")
        words.append(f"{work.seconds:.0f} s")
        if work.left is not None:
            words.append(f"{duration(work.left)} left")
        return "  ".join(words)

    def _ending(self, work: Work) -> str:
        if work.line:
            return work.line
        name = ": ".join(each.name for each in self._works)
        return "  ".join([name, *[work.result] * bool(work.result), f"{work.seconds:.0f} s"])

    def _start(self) -> None:
        if self.console.is_terminal:
            self._moving = Moving(
                get_renderable=self._renderable,
                console=self.console,
                refresh_per_second=5,
                transient=True,
            )
            self._moving.start()
            return
        self._ended = threading.Event()
        threading.Thread(target=self._remind, args=(self._ended,), daemon=True).start()

    def _stop(self) -> None:
        self._ended.set()
        if self._moving is not None:
            self._moving.stop()
            self._moving = None

    def _renderable(self) -> Text:
        wheel = _WHEEL[int(5 * time.monotonic()) % len(_WHEEL)]
        return Text(f"{wheel} {visible(self.under_way())}", no_wrap=True, overflow="ellipsis")

    def _remind(self, ended: threading.Event) -> None:
        while not ended.wait(0.5):
            now = time.monotonic()
            if now - self._said >= max(PATIENCE, _SHARE * (now - self._born)):
                text = self.under_way()
                if text and not ended.is_set():
                    self.say(f"... {text}")


def duration(seconds: float) -> str:
    """Returns "1:02:03"."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
