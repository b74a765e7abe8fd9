"""The processes of a sweep: some at a time, each with its share of the cores and GPUs.

failures = run_all(waiting, jobs=2, console=Console())

They end with the sweep: one left behind would write into the folder of its own second start.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import NamedTuple

from rich.console import Console

from fosc_tf.sweeps.run import Run

LOG = "log.txt"
_DEVICES = "CUDA_VISIBLE_DEVICES"
_PAUSE = 0.1
"""Seconds between two looks at who has ended."""


class Share(NamedTuple):
    """What one process at a time has to itself.

    Attributes:
        cores: their numbers; none where the system does not tell them.
        environment: the variable that lists its GPUs; none where nobody listed them.
    """

    cores: set[int]
    environment: dict[str, str]


class Failure(NamedTuple):
    """A run that did not end well.

    Attributes:
        log: file of its output.
        reason: its name, exit code and what it said last.
    """

    log: pathlib.Path
    reason: str


def run_all(runs: Sequence[Run], jobs: int, console: Console) -> list[Failure]:
    """Runs each in a process, unless it is finished when its turn comes.

    SIGTERM, SIGHUP and SIGINT end the processes, and then do here what they always do.

    Args:
        runs: in the order of their start.
        jobs: how many at a time.
        console: is told of every end.
    """
    free = shares(min(jobs, len(runs)))
    waiting, running, failures = list(runs), [], []
    with told_to_end() as told:
        try:
            while (waiting or running) and not told:
                while waiting and free:
                    run = waiting.pop(0)
                    if not run.finished:  # by another sweep over the same folder, meanwhile
                        running.append(_Process(run, free.pop(0)))
                time.sleep(_PAUSE)
                for process in [each for each in running if each.code is not None]:
                    running.remove(process)
                    free.append(process.share)
                    failures += process.conclude(console)
        finally:
            for process in running:
                process.kill()
    return failures


def shares(jobs: int) -> list[Share]:
    """Returns the share of each of `jobs` processes.

    With fewer cores than jobs all have all of them; with fewer GPUs than jobs some have the same.
    """
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    listed = [each for each in os.environ.get(_DEVICES, "").split(",") if each]
    devices = list(islice(cycle(listed), max(jobs, len(listed))))
    return [
        Share(
            set(cores[job::jobs] if len(cores) >= jobs else cores),
            {_DEVICES: ",".join(devices[job::jobs])} if devices else {},
        )
        for job in range(jobs)
    ]


@contextlib.contextmanager
def told_to_end() -> Iterator[list[int]]:
    """Gives the list of the signals to end that came; they take effect after the block."""
    told: list[int] = []
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    before = {each: signal.getsignal(each) for each in signal.Signals if each.name in names}
    # What is ignored stays so: under nohup a sweep outlives its terminal.
    heard = {each: old for each, old in before.items() if old not in (signal.SIG_IGN, None)}
    for each in heard:
        signal.signal(each, lambda number, _: told.append(number))
    try:
        yield told
    finally:
        for each, old in heard.items():
            signal.signal(each, old)
    if told:
        signal.raise_signal(told[0])


class _Process:
    """A run under way."""

    def __init__(self, run: Run, share: Share) -> None:
        self.run, self.share = run, share
        run.unmark()
        self.log = run.folder / LOG
        with self.log.open("ab") as log, _kept_to(share.cores):
            self._begin = log.tell()  # after what earlier starts wrote
            self._process = subprocess.Popen(
                [sys.executable, *run.command],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | share.environment,
            )

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.poll()

    def conclude(self, console: Console) -> list[Failure]:
        """Marks the run if it ended well, and says how it ended."""
        if self.code:
            said = f"failed with code {self.code}"
            reason = f"code {self.code}, {self._last_line()}"
        else:
            self.run.mark()
            # Such as an evaluation of a network that is still in training.
            said = reason = "ended without the results of a finished training"
            if self.run.finished:
                said = "finished"
        console.print(f"{self.run.name}: {said}", markup=False, highlight=False)
        if self.run.finished:
            return []
        return [Failure(self.log, f"{self.run.name}: {reason}")]

    def kill(self) -> None:
        """Ends it at once: a run is made to go on after that."""
        self._process.kill()
        self._process.wait()

    def _last_line(self) -> str:
        text = self.log.read_bytes()[self._begin :].decode(errors="replace")
        lines = [line for line in text.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("Error: ")]
        return (errors or lines or ["no output"])[-1].strip().rstrip(".")


@contextlib.contextmanager
def _kept_to(cores: set[int]) -> Iterator[None]:
    """Keeps this thread, and with it the processes that the block starts, to some cores."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
