"""run.json: what a work folder's run was made of, when, and how long it took.

record = RunRecord.open(folder, config, overrides)
with record.timed("evaluate"):
    ...
"""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import shlex
import sys
import time
from collections.abc import Iterator
from typing import Any

from fosc_tf import files, launcher
from fosc_tf.errors import UserError
from fosc_tf.fields import flat
from fosc_tf.runs import lock
from fosc_tf.runs.folder import prepare
from fosc_tf.show.markdown import code

FILE = "run.json"
# How a run is shown does not make it another run.
_SAME_RUN = {
    "analysis",
    "certification",
    "evaluation",
    "report",
    "checkpoint",
    "log",
    "distribution",
    "deterministic",
}


# What a training is made of beside its fields. With other replicas the batch may be another one.
_CONTENTS = {
    "sha256": "contents of the data",
    "batch": "batch over all replicas",
    "weights": "contents of the initial weights",
    "subset": "examples of the subset",
}
_MACHINE = {"platform": str, "cores": (int, None)}
_NAMED = {"name": str}
_FORM = {
    "config": {"seed": int, "data": _NAMED, "model": _NAMED, "defense": (_NAMED, None)},
    "seconds": {...: files.NUMBER},
    "started": (str, None),
    "data": ({...: (str, int, None)}, None),
    "choosing": (dict, None),
    "trained_with": ([{"machine": _MACHINE, "versions": {...: str}}], None),
    "evaluated": ({"settings": dict}, None),
    "exported": ({...: str}, None),
    "certified": ({...: str}, None),
}


class RunRecord:
    """The record of one work folder, written anew after each change.

    Attributes:
        folder: the work folder.
        content: what `run.json` holds: config, overrides, versions and machine of its last start,
            and `trained_with`, those of the starts of its training; data, times.
    """

    def __init__(self, folder: pathlib.Path, content: dict[str, Any]) -> None:
        self.folder, self.content = folder, content

    @classmethod
    def open(
        cls,
        folder: pathlib.Path,
        config: dict[str, Any],
        overrides: dict[str, Any],
        data: dict[str, Any] | None = None,
    ) -> RunRecord:
        """Returns the record of `folder`, begun if there is none.

        Args:
            folder: made if missing.
            config: all fields, as plain Python values.
            overrides: those given on the command line.
            data: `source` and `sha256` of what is trained on, the `batch` over all replicas and,
                where it starts from given `weights`, their SHA-256; None when nothing is trained.

        Raises:
            UserError: the folder holds a run of another config or on other data, cannot be
                written, or is in use by another process.
        """
        config, overrides = json.loads(json.dumps([config, overrides]))
        prepare(folder)
        lock.hold(folder)
        old = read(folder)
        if old is not None:
            was, now = _making(old["config"]), _making(config)
            if data and old.get("data"):
                for name, words in _CONTENTS.items():
                    if name in old["data"]:
                        was[words], now[words] = (
                            _short(each.get(name)) for each in (old["data"], data)
                        )
            if data and "trained" not in old:
                # Of its training, where an evaluation in between may have had other ones.
                was |= old.get("choosing") or {}
                now |= _choosing(config)
            _refuse_another_run(folder, was, now)
            content = old | {"config": config, "overrides": overrides}
        elif any((folder / name).exists() for name in ("checkpoints", "results.json")):
            raise UserError(
                f"a work folder with results must hold their {FILE}",
                "an empty folder, or one of an earlier run",
                f"{folder} without {FILE}",
            )
        else:
            content = {
                "config": config,
                "overrides": overrides,
                "started": _now(),
                "seconds": {},
            }
        command = shlex.join([*launcher.typed(), *sys.argv[1:]])
        content.setdefault("first_command", content.get("command", command))
        machine = {"platform": platform.platform(), "cores": _cores(), "onednn": _onednn()}
        content |= {"command": command, "versions": versions(), "machine": machine}
        if data:
            content["data"] = data
        if data and "trained" not in content:
            content["choosing"] = _choosing(config)
            content["trained_with"] = _with_this(old, config, machine)
        record = cls(folder, content)
        record.write()
        return record

    def note(self, **facts: Any) -> None:
        """Adds facts and writes the record."""
        self.content |= facts
        self.write()

    @contextlib.contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Adds the wall time of a block to `seconds[part]`; that of killed starts is not known."""
        before = self.content["seconds"].get(part, 0.0)
        started = time.monotonic()
        try:
            yield
        finally:
            self.took(part, before + time.monotonic() - started)

    def took(self, part: str, seconds: float) -> None:
        """Notes that `part` took so many seconds of the wall clock, over all starts of the run."""
        self.content["seconds"][part] = round(seconds, 2)
        self.note(updated=_now())

    def summary(self) -> str:
        """Returns what a reader needs to repeat and to judge the results, in Markdown."""
        content, evaluation = self.content, self.content["config"]["evaluation"]
        seconds = ", ".join(f"{part} {value:.0f} s" for part, value in content["seconds"].items())
        here = _made_with(content)
        others = [_made_with(each) for each in content.get("trained_with") or []]
        trained = "".join(f"  \nTrained on:  \n{other}" for other in others if other != here)
        unfinished = "" if "trained" in content else "Training: not come to its end  \n"
        return (
            f"{unfinished}Command: {code(content['command'])}  \n"
            f"Seed: {content['config']['seed']}  \n"
            f"Epsilon: {evaluation['epsilon']:.4g} ({evaluation['norm']})  \n"
            f"Wall time: {seconds}  \nDate: {content['updated']}  \n"
            f"{here}{trained}"
        )

    def write(self) -> None:
        """Writes `run.json`, whole or not at all."""
        files.write(self.folder / FILE, json.dumps(self.content, indent=1) + "\n")


def read(folder: pathlib.Path) -> dict[str, Any] | None:
    """Returns the content of a folder's `run.json`, or None without one.

    Raises:
        UserError: the file is not readable or is not what a run wrote.
    """
    path = folder / FILE
    return files.read_json(path, _FORM, "an undamaged file") if path.exists() else None


def covers(found: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Returns whether one evaluation found all that another would.

    Surrogates add rows and findings and take none away: with them is more than without any.

    Args:
        found: the settings of the one, or all of its `evaluated`, as `run.json` holds them.
        wanted: the same of the other.
    """
    if not wanted["surrogates"]:
        found = found | {"surrogates": wanted["surrogates"]}
    return found == wanted


def versions() -> dict[str, str]:
    """Returns the versions that decide numbers."""
    names = ("fosc-tf", "tensorflow", "keras", "numpy")
    found = {"python": platform.python_version()}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _made_with(content: dict[str, Any]) -> str:
    machine = content["machine"]
    named = ", ".join(f"{name} {value}" for name, value in content["versions"].items())
    kernels = f", oneDNN {machine['onednn']}" if "onednn" in machine else ""
    place = f"{machine['platform']}, {machine.get('cores')} cores{kernels}"
    return f"Machine: {place}  \nVersions: {named}"


def _making(config: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields that decide a run's weights."""
    fields = flat(config).items()
    found = {name: field for name, field in fields if name.partition(".")[0] not in _SAME_RUN}
    if not found.get("subnetwork.rate") and found.get("subnetwork.trained") != "signs":
        # Of a dense network nothing reads them.
        for name in ("gamma", "weights", "last_batch_norm", "rank"):
            found.pop(f"subnetwork.{name}", None)
    return found


def _short(value: Any) -> Any:
    """Returns the beginning of a fingerprint, anything else as it is."""
    return value[:12] if isinstance(value, str) else value


def _choosing(config: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields that decide which epoch's network is the best one."""
    if not config["data"]["held_out"]:
        return {}
    names = ("epsilon", "norm", "held_out_attack", "held_out_every", "batch_size")
    return {f"evaluation.{name}": config["evaluation"][name] for name in names}


def _with_this(
    old: dict[str, Any] | None, config: dict[str, Any], machine: dict[str, Any]
) -> list[dict[str, Any]]:
    """Returns what the starts of a training ran on, this one last; equal neighbours once."""
    before = (old or {}).get("trained_with") or []
    devices = {name: config[name] for name in ("distribution", "deterministic")}
    this = {"versions": versions(), "machine": machine} | devices
    return before if before[-1:] == [this] else [*before, this]


def _refuse_another_run(folder: pathlib.Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    # A field that the old record lacks came later, with a default that changes nothing.
    others = [
        f"{name}={new.get(name)!r} instead of {old[name]!r}"
        for name in sorted(old)
        if old[name] != new.get(name)
    ]
    if others:
        raise UserError(
            "a work folder holds one run, and this one is another's",
            f"another --workdir, or the config of the run in {folder}",
            "; ".join(others),
        )


def _onednn() -> str:
    """Returns whether TensorFlow computes with oneDNN, which decides the last digits of results."""
    chosen = {"0": "off", "1": "on"}
    return chosen.get(os.environ.get("TF_ENABLE_ONEDNN_OPTS", ""), "as TensorFlow chose")


def _cores() -> int | None:
    """Returns how many cores this process may use: a sweep or a job may give it some of them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
