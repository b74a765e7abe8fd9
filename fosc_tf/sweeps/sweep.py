"""Many runs from one list: started, skipped when finished, and summed up in a table and a plot.

sweep(config, pathlib.Path("runs/sweeps-digits"))

Every run is a process of its own, this program with other flags in a work folder below the sweep's,
so one that fails or is killed costs no other, and a second start goes on with each where it was.
Several at a time share the cores between them, so that none waits for another's threads.
"""

from __future__ import annotations

import pathlib
import re
import shlex
import sys
from collections.abc import Sequence

from ml_collections import ConfigDict
from rich.console import Console

from fosc_tf import launcher
from fosc_tf.command import check_fields
from fosc_tf.errors import UserError
from fosc_tf.readable import amount
from fosc_tf.show import screen
from fosc_tf.sweeps import processes, summary
from fosc_tf.sweeps.plan import planned
from fosc_tf.sweeps.run import Run

_OF_MANY = re.compile(r"--?config\.(?:print_only|only|jobs)(?:=.*)?")
"""Flags that the command of a single run goes without."""
_IN_TWO_WORDS = re.compile(r"--?config\.(?:only|jobs)")
"""Those of them whose value is the next word; what is true or false has no second word."""


def sweep(
    config: ConfigDict, folder: pathlib.Path, overrides: dict[str, object] | None = None
) -> None:
    """Runs what is not finished yet, then writes what `sweeps.summary.write` does.

    With `only` it runs these and writes no summary; with no `jobs` it writes the summary alone;
    with `print_only` it prints a command for each run that is not finished and does nothing else.

    Args:
        config: of `configs/sweeps.py`.
        folder: for the work folders and the summary.
        overrides: known from the config already.

    Raises:
        UserError: runs that cannot be started, before the first is; or runs that failed, after the
            others are finished and summed up.
    """
    del overrides
    check_fields(config, {"": "only print_only"})
    runs = planned(config, folder)
    chosen = _chosen(runs, config.only)
    waiting = [run for run in chosen if not run.finished]
    if config.jobs or config.print_only:
        for run in waiting:
            run.check()
    if config.print_only:
        own = [*launcher.typed(), *_without_those_of_many(sys.argv)[1:]]
        for run in waiting:
            print(shlex.join([*own, f"--config.only={runs.index(run)}"]))
        return
    console = screen.console()
    finished = len(chosen) - len(waiting)
    console.print(f"{amount(len(chosen), 'run')}, {finished} of them finished", highlight=False)
    failures = processes.run_all(waiting if config.jobs else [], config.jobs, console)
    if not config.only:
        _sum_up([run for run in runs if run.finished and run.has_results], folder, console)
    if failures:
        raise UserError(
            "every run of a sweep must end well",
            f"the same command once more, after a look into {failures[0].log}",
            "; ".join(failure.reason for failure in failures),
        )


def _chosen(runs: Sequence[Run], only: tuple[int, ...]) -> Sequence[Run]:
    """Returns the runs of these numbers, from 0; all for none."""
    if any(number not in range(len(runs)) for number in only):
        raise UserError(
            "config.only must hold numbers of runs of the list",
            f"0 to {len(runs) - 1}",
            f"only={tuple(only)}",
        )
    return [runs[number] for number in only] or runs


def _without_those_of_many(words: Sequence[str]) -> list[str]:
    return [
        word
        for before, word in zip(["", *words], words, strict=False)
        if not _OF_MANY.fullmatch(word) and not _IN_TWO_WORDS.fullmatch(before)
    ]


def _sum_up(done: Sequence[Run], folder: pathlib.Path, console: Console) -> None:
    if not done:
        return
    places = [(run.label, run.folder) for run in done]
    rows = summary.rows(places)
    summary.write(rows, places, folder)
    summary.show(rows, console)
