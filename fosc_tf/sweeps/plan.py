"""What a sweep runs: each run with its folder and command.

waiting = [run for run in planned(config, folder) if not run.finished]
"""

from __future__ import annotations

import pathlib
import shlex
from collections.abc import Sequence
from typing import Any

from ml_collections import ConfigDict

from fosc_tf.command import check_fields, config_of
from fosc_tf.errors import UserError
from fosc_tf.sweeps.run import Run

OWN_FOLDER = "{sweep}"
"""Stands for the sweep's own work folder in the arguments of its runs."""


def planned(config: ConfigDict, folder: pathlib.Path) -> list[Run]:
    """Returns the runs of a sweep in order, each with its own folder below `folder`.

    Raises:
        UserError: two runs that are the same, or flags that no run would start with.
    """
    check_fields(config, {"": "runs arguments jobs"})
    further = _words(config.arguments)
    runs: dict[pathlib.Path, Run] = {}
    for label, *arguments in _checked(config.runs):
        words = (word.replace(OWN_FOLDER, str(folder)) for word in (*arguments, *further))
        command = ("main.py", *words)
        experiment = _experiment(command)
        name = f"{label},seed={experiment.seed}"
        # A slash, as in epsilon=2/255, would make a folder in a folder.
        own = folder / name.replace("/", "_")
        if own in runs:
            raise UserError("the runs of a sweep differ in label or seed", "one of each", name)
        runs[own] = Run(label, name, own, (*command, f"--workdir={own}"), experiment)
    if not runs or config.jobs < 0:
        received = f"jobs={config.jobs}, {len(runs)} runs"
        raise UserError("a sweep has runs, and none or some at a time", "jobs=1", received)
    return list(runs.values())


def _checked(runs: Any) -> Sequence[Sequence[str]]:
    if not isinstance(runs, tuple | list) or not all(
        isinstance(run, tuple | list) and run and all(isinstance(word, str) for word in run)
        for run in runs
    ):
        raise UserError(
            "the runs of a sweep are tuples of a label and flags",
            "(('a', '--config=configs/digits_standard.py'),)",
            f"runs={runs!r}",
        )
    return runs


def _words(arguments: str) -> list[str]:
    try:
        return shlex.split(arguments)
    except ValueError as error:
        raise UserError(
            "config.arguments must be flags as a shell takes them",
            "every quote closed, as in \"--config.evaluation.attacks=('clean',)\"",
            f"{arguments} ({error})",
        ) from error


def _experiment(command: tuple[str, ...]) -> ConfigDict:
    config = config_of(command)
    if config is None or "seed" not in config:
        raise UserError(
            "a run of a sweep names the config of an experiment",
            "--config=configs/digits_dynamic.py",
            " ".join(command),
        )
    return config
