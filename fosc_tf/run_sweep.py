"""Many runs from one list: started, skipped when finished, and summed up in a table and a plot.

sweep(config, pathlib.Path("runs/sweeps-digits"))

Every run is a process of its own, `main.py` with its arguments in a work folder below the sweep's,
so one that fails or is killed costs no other, and a second start goes on with each where it was.
Several at a time share the cores between them, so that none waits for another's threads.
"""

from __future__ import annotations

import itertools
import os
import pathlib
import shlex
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from ml_collections import ConfigDict
from rich.console import Console

from fosc_tf import files, sweep_summary
from fosc_tf.errors import UserError

LOG = "log.txt"
FINISHED = "finished.txt"
"""Holds the command that ended well in this work folder."""


class Run(NamedTuple):
    """One experiment of a sweep.

    Attributes:
        label: what it shares with the runs that differ in their seed only.
        folder: its work folder.
        command: what Python is started with.
    """

    label: str
    folder: pathlib.Path
    command: tuple[str, ...]


def sweep(config: ConfigDict, folder: pathlib.Path) -> None:
    """Runs what is not finished yet, then writes what `sweep_summary.write` does.

    With `print_only` it prints one command a line and does nothing else.

    Args:
        config: of `configs/sweeps.py`.
        folder: for the work folders and the summary.

    Raises:
        UserError: two runs that are the same, arguments that name no config, or runs that failed;
            the others are finished and summed up first.
    """
    runs = planned(config, folder)
    console = Console()
    if config.print_only:
        for run in runs:
            print(shlex.join(["python", *run.command]))
        return
    waiting = [run for run in runs if not finished(run)]
    console.print(f"{len(runs)} runs, {len(runs) - len(waiting)} of them finished", highlight=False)
    shares = itertools.cycle(_shares(config.jobs))
    with ThreadPoolExecutor(config.jobs, initializer=lambda: _keep_to(next(shares))) as pool:
        codes = list(pool.map(lambda run: _start(run, console), waiting))
    done = [run for run in runs if finished(run)]
    if done:
        places = [(run.label, run.folder) for run in done]
        rows = sweep_summary.rows(places)
        sweep_summary.write(rows, places, folder)
        sweep_summary.show(rows, console)
    failed = [run for run, code in zip(waiting, codes, strict=True) if code]
    if failed:
        raise UserError(
            "every run of a sweep must end well",
            f"the same command once more, after a look into {failed[0].folder / LOG}",
            ", ".join(f"{run.folder.name}: {_last_line(run.folder / LOG)}" for run in failed),
        )


def planned(config: ConfigDict, folder: pathlib.Path) -> list[Run]:
    """Returns the runs of a sweep in order, each with its own folder below `folder`.

    Raises:
        UserError: two runs that are the same, or arguments that name no config.
    """
    further = shlex.split(config.arguments)
    runs: dict[str, Run] = {}
    for label, *arguments in config.runs:
        words = [*arguments, *further]
        seed = _value(words, "--config.seed", "0")
        file = _value(words, "--config", "")
        if not pathlib.Path(file.partition(":")[0]).is_file():
            raise UserError(
                "a run of a sweep names its config", "--config=configs/digits_dynamic.py", file
            )
        name = f"{label},seed={seed}"
        if name in runs:
            raise UserError("the runs of a sweep differ in label or seed", "one of each", name)
        command = ("main.py", *words, f"--workdir={folder / name}")
        runs[name] = Run(label, folder / name, command)
    if not runs or config.jobs < 1:
        received = f"jobs={config.jobs}, {len(runs)} runs"
        raise UserError("a sweep has runs, and at least one at a time", "jobs=1", received)
    return list(runs.values())


def finished(run: Run) -> bool:
    """Returns whether this very command has ended well in its folder.

    One with other attacks, say, must be started again: it then evaluates anew.
    """
    mark = run.folder / FINISHED
    return mark.exists() and mark.read_text() == shlex.join(run.command)


def _shares(jobs: int) -> list[set[int]]:
    """Returns the cores for each of `jobs` processes; all of them for each if there are too few."""
    if not hasattr(os, "sched_getaffinity"):
        return [set()]
    cores = sorted(os.sched_getaffinity(0))
    return [set(cores[job::jobs] if len(cores) >= jobs else cores) for job in range(jobs)]


def _keep_to(cores: set[int]) -> None:
    """Keeps this thread, and with it the processes that it starts, to some cores."""
    if cores:
        os.sched_setaffinity(0, cores)


def _start(run: Run, console: Console) -> int:
    run.folder.mkdir(parents=True, exist_ok=True)
    with (run.folder / LOG).open("a") as log:
        command = [sys.executable, *run.command]
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT).returncode
    if code == 0:
        files.write(run.folder / FINISHED, shlex.join(run.command))
    word = "finished" if code == 0 else f"failed with code {code}"
    console.print(f"{run.folder.name}: {word}", markup=False, highlight=False)
    return code


def _value(words: Sequence[str], flag: str, missing: str) -> str:
    """Returns what the last `flag=value` of a command says: the one that counts."""
    values = [word.partition("=")[2] for word in words if word.partition("=")[0] == flag]
    return values[-1] if values else missing


def _last_line(path: pathlib.Path) -> str:
    lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("Error: ")]
    return (errors or lines or ["no output"])[-1].strip()
