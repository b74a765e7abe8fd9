"""The processes of a sweep: joblib runs some at a time, each with its share of the machine.

failures = run_all(waiting, jobs=2, console=Console())
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from typing import NamedTuple

import joblib
from rich.console import Console

from fosc_tf import launcher, signs
from fosc_tf.show.screen import plain
from fosc_tf.sweeps.run import Run

LOG = "log.txt"
_DEVICES = "CUDA_VISIBLE_DEVICES"


class Share(NamedTuple):
    """What one process at a time has to itself.

    Attributes:
        cores: their numbers; none where the system does not tell them.
        environment: the variable that lists its GPUs; none where nobody listed them.
    """

    cores: set[int]
    environment: dict[str, str]


class Failure(NamedTuple):
    """A run that did not end well: the file of its output; its name, exit code and last words."""

    log: pathlib.Path
    reason: str


def run_all(runs: Sequence[Run], jobs: int, console: Console) -> list[Failure]:
    """Runs each in a process, unless it is finished when its turn comes.

    Args:
        runs: in the order of their start.
        jobs: how many at a time.
        console: is told of every end.
    """
    free: queue.SimpleQueue[Share] = queue.SimpleQueue()
    for share in shares(min(jobs, len(runs))):
        free.put(share)
    with ending_together() as children, signs.work("runs", len(runs)) as work:

        def done(run: Run) -> Failure | None:
            failure = _run(run, free, children, console)
            work.advance()
            return failure

        found = joblib.Parallel(n_jobs=max(free.qsize(), 1), prefer="threads")(
            joblib.delayed(done)(run) for run in runs
        )
    return [failure for failure in found if failure is not None]


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
def ending_together() -> Iterator[list[subprocess.Popen]]:
    """Gives a list of children that SIGINT, SIGTERM and SIGHUP end first: one left behind would
    write into the folder of its own second start."""
    children: list[subprocess.Popen] = []
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    before = {each: signal.getsignal(each) for each in signal.Signals if each.name in names}
    # What is ignored stays so: under nohup a sweep outlives its terminal.
    heard = {each: old for each, old in before.items() if old not in (signal.SIG_IGN, None)}

    def end(number: int, _: object) -> None:
        while children:
            child = children.pop()
            child.kill()
            # Not `wait`: the thread that waits holds its lock, and may be this one.
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child.pid, 0)
        signal.signal(number, heard[number])
        signal.raise_signal(number)

    for each in heard:
        signal.signal(each, end)
    try:
        yield children
    finally:
        for child in children:
            child.kill()
        for each, old in heard.items():
            signal.signal(each, old)


def _run(
    run: Run, free: queue.SimpleQueue, children: list[subprocess.Popen], console: Console
) -> Failure | None:
    if run.finished:  # by another sweep over the same folder, meanwhile
        return None
    share = free.get()
    run.unmark()
    path = run.folder / LOG
    console.print(plain(f"{run.name}: started, writes {path}"))
    if path.is_symlink():  # what it leads to is another's
        path.unlink()
    with path.open("ab") as log:
        begin = log.tell()  # after what earlier starts wrote
        child = subprocess.Popen(
            [sys.executable, *launcher.again(), *run.command[1:]],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | share.environment,
        )
    children.append(child)
    if share.cores:
        os.sched_setaffinity(child.pid, share.cores)
    code = child.wait()
    if child not in children:  # the sweep has been told to end
        return None
    children.remove(child)
    free.put(share)
    if code:
        said, reason = f"failed with code {code}", f"code {code}, {_last_line(path, begin)}"
    else:
        run.mark()
        # Such as an evaluation of a network that is still in training.
        said = reason = "ended without the results of a finished training"
    finished = run.finished
    console.print(plain(f"{run.name}: {'finished' if finished else said}"))
    return None if finished else Failure(path, f"{run.name}: {reason}")


def _last_line(path: pathlib.Path, begin: int) -> str:
    text = path.read_bytes()[begin:].decode(errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("Error: ")]
    return (errors or lines or ["no output"])[-1].strip().rstrip(".")
