"""One run of a sweep: its folder, its command, and whether that has ended well there.

run.finished
"""

from __future__ import annotations

import json
import pathlib
import shlex
from collections.abc import Sequence
from typing import NamedTuple

from absl import flags
from ml_collections import ConfigDict

from fosc_tf import files
from fosc_tf.errors import UserError
from fosc_tf.quiet import tensorflow_silent
from fosc_tf.runs import record as records
from fosc_tf.sweeps import summary

FINISHED = "finished.txt"
"""Holds a line for each command that ended well in this work folder."""


class Run(NamedTuple):
    """One experiment of a sweep.

    Attributes:
        label: what it shares with the runs that differ in their seed only.
        name: label and seed.
        folder: its work folder.
        command: "main.py", whichever door the program is started by, and the flags.
        config: of the experiment.
    """

    label: str
    name: str
    folder: pathlib.Path
    command: tuple[str, ...]
    config: ConfigDict

    @property
    def finished(self) -> bool:
        """Whether this very command has ended well in its folder, and its results are there.

        After another command there, with other attacks, say, they are not: it must be started
        again and then evaluates anew. After one that added surrogates they are.
        """
        if self._line not in self._marked():
            return False
        return not self.evaluates or (self.has_results and self._is_evaluated())

    @property
    def evaluates(self) -> bool:
        """Whether its mode writes the files that a summary is made of, or finds them written."""
        return _mode(self.command) in ("train", "evaluate", "report")

    @property
    def has_results(self) -> bool:
        """Whether the files that a summary is made of are there."""
        return all((self.folder / name).exists() for name in summary.READ)

    def check(self) -> None:
        """Raises `UserError` for fields that it would not start with.

        Whether data and other networks are there, whether the network can be built and XLA compile
        it, it finds out itself: what it needs may be what a run before it makes.
        """
        with tensorflow_silent():
            # It takes seconds to import, which a sweep with nothing to start need not wait for.
            from fosc_tf import build, config_check
        try:
            config_check.check(self.config)
            # A c_max to be measured is a variable, which would take the devices from the runs.
            if self.config.defense.get("c_max") != "auto":
                build.defense(self.config, steps_per_epoch=1)
        except UserError as error:
            raise UserError(error.rule, error.right, f"{error.received} in {self.name}") from error

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
            content = records.read(self.folder) or {}
        except UserError:  # the run itself will say so
            return False
        # None while it is written anew. What is still in training is no run of a table.
        evaluated, wanted = content.get("evaluated"), self.config.evaluation.to_dict()
        if not evaluated or "trained" not in content:
            return False
        return records.covers(evaluated["settings"], json.loads(json.dumps(wanted)))


def _mode(command: Sequence[str]) -> str:
    values = flags.FlagValues()
    flags.DEFINE_string("mode", "train", "", flag_values=values)
    values.set_gnu_getopt()  # a value may stand apart from its flag, which is not known here
    values(command, known_only=True)
    return values.mode
