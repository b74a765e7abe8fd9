"""What a sweep runs: each run with its folder and command, all checked before the first starts.

waiting = [run for run in planned(config, folder) if not run.finished]
"""

from __future__ import annotations

import json
import pathlib
import shlex
from collections.abc import Sequence
from typing import Any, NamedTuple

from absl import flags
from ml_collections import ConfigDict

from fosc_tf import cli, files
from fosc_tf.errors import UserError
from fosc_tf.runs import record as records
from fosc_tf.sweeps import summary

FINISHED = "finished.txt"
"""Holds a line for each command that ended well in this work folder."""

OWN_FOLDER = "{sweep}"
"""Stands for the sweep's own work folder in the arguments of its runs."""

_EVALUATING = ("train", "evaluate", "report")
"""Modes that write the files that a summary is made of, or find them written."""


class Run(NamedTuple):
    """One experiment of a sweep.

    Attributes:
        label: what it shares with the runs that differ in their seed only.
        name: label and seed.
        folder: its work folder.
        command: what Python is started with.
        evaluation: the settings of its evaluation, as `run.json` holds them; None where its mode
            evaluates nothing.
    """

    label: str
    name: str
    folder: pathlib.Path
    command: tuple[str, ...]
    evaluation: dict[str, Any] | None

    @property
    def finished(self) -> bool:
        """Whether this very command has ended well in its folder, and its results are there.

        After another command there, with other attacks, say, they are not: it must be started
        again and then evaluates anew. After one that added surrogates they are.
        """
        if self._line not in self._marked():
            return False
        return self.evaluation is None or (self.has_results and self._is_evaluated())

    @property
    def has_results(self) -> bool:
        """Whether the files that a summary is made of are there."""
        return all((self.folder / name).exists() for name in summary.READ)

    def mark(self) -> None:
        """Notes that the command ended well."""
        self._write([*self._other_lines(), self._line])

    def unmark(self) -> None:
        """Makes the folder and takes back that this command ended well, if it says so."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write(self._other_lines())

    @property
    def _line(self) -> str:
        return " ".join(shlex.join(self.command).splitlines())  # an argument may have lines

    def _marked(self) -> list[str]:
        mark = self.folder / FINISHED
        return mark.read_text().splitlines() if mark.exists() else []

    def _other_lines(self) -> list[str]:
        return [line for line in self._marked() if line != self._line]

    def _write(self, lines: Sequence[str]) -> None:
        if lines:
            files.write(self.folder / FINISHED, "".join(f"{line}\n" for line in lines))
        else:
            (self.folder / FINISHED).unlink(missing_ok=True)

    def _is_evaluated(self) -> bool:
        try:
            evaluated = (records.read(self.folder) or {}).get("evaluated")
        except UserError:  # the run itself will say so
            return False
        # None while it is written anew.
        return bool(evaluated) and records.covers(evaluated["settings"], self.evaluation)


def planned(config: ConfigDict, folder: pathlib.Path) -> list[Run]:
    """Returns the runs of a sweep in order, each with its own folder below `folder`.

    Raises:
        UserError: two runs that are the same, or flags or a config that no run would start with.
            Whether data and other networks are there, each run finds out itself: what it needs
            may be what a run before it makes.
    """
    further = _words(config.arguments)
    runs: dict[pathlib.Path, Run] = {}
    for label, *arguments in config.runs:
        words = (word.replace(OWN_FOLDER, str(folder)) for word in (*arguments, *further))
        command = ("main.py", *words)
        experiment = _experiment(command)
        name = f"{label},seed={experiment.seed}"
        # A slash, as in epsilon=2/255, would make a folder in a folder.
        own = folder / name.replace("/", "_")
        if own in runs:
            raise UserError("the runs of a sweep differ in label or seed", "one of each", name)
        evaluation = None
        if _mode(command) in _EVALUATING:
            evaluation = json.loads(json.dumps(experiment.evaluation.to_dict()))
        runs[own] = Run(label, name, own, (*command, f"--workdir={own}"), evaluation)
        _check(experiment, name)
    if not runs or config.jobs < 0:
        received = f"jobs={config.jobs}, {len(runs)} runs"
        raise UserError("a sweep has runs, and none or some at a time", "jobs=1", received)
    return list(runs.values())


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
    config = cli.config_of(command)
    if config is None or "seed" not in config:
        raise UserError(
            "a run of a sweep names the config of an experiment",
            "--config=configs/digits_dynamic.py",
            " ".join(command),
        )
    return config


def _mode(command: Sequence[str]) -> str:
    values = flags.FlagValues()
    flags.DEFINE_string("mode", "train", "", flag_values=values)
    values.set_gnu_getopt()  # a value may stand apart from its flag, which is not known here
    values(command, known_only=True)
    return values.mode


def _check(experiment: ConfigDict, name: str) -> None:
    with cli._tensorflow_silent():
        # It takes seconds to import, which mistyped flags need not wait for.
        from fosc_tf import config_check
    try:
        config_check.check(experiment)
    except UserError as error:
        raise UserError(error.rule, error.right, f"{error.received} in {name}") from error
