"""The evaluation of a work folder: last and best network, every attack, transfer and checks.

record = RunRecord.open(folder, config.to_dict(), {})
evaluate(config, arrays, record, known_networks(config, folder), Console())
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Any, NamedTuple

import tensorflow as tf
from ml_collections import ConfigDict
from rich.console import Console

from fosc_tf import config_check, data, files, signs
from fosc_tf.errors import UserError, visible
from fosc_tf.evaluation import Journal, black_box, white_box
from fosc_tf.evaluation.journal import FORM
from fosc_tf.evaluation.scrutiny import check
from fosc_tf.runs import trained
from fosc_tf.runs.record import RunRecord, covers, versions
from fosc_tf.show import columns, table
from fosc_tf.show.screen import plain, show_findings

JOURNAL, FINDINGS = "evaluation.jsonl", "checks.json"


class Known(NamedTuple):
    """Networks of elsewhere, by name: `others` are evaluated too, `surrogates` lend attacks."""

    others: dict[str, trained.Trained]
    surrogates: dict[str, trained.Trained]


def known_networks(config: ConfigDict, folder: pathlib.Path) -> Known:
    """Returns the networks that the config's evaluation names, loaded and fit for its data set.

    Raises:
        UserError: no network at a path, one for other images, or the run's own in `folder`.
    """
    settings = config.evaluation
    return Known(
        trained.load_others(settings.others, config, folder),
        trained.load_others(settings.surrogates, config, folder),
    )


def evaluate(
    config: ConfigDict,
    arrays: data.Arrays,
    record: RunRecord,
    known: Known,
    console: Console,
) -> None:
    """Writes `results.json`, `results.md` and `checks.json`, and shows them.

    What has been found is kept in `evaluation.jsonl` batch by batch, so that a killed evaluation
    goes on where it was; what is complete for these weights, settings and versions is only shown,
    with the rows of surrogates that an evaluation without any finds there.

    Raises:
        UserError: no such checkpoint, an unknown attack.
    """
    settings = config.evaluation
    networks = _networks(config, record, known)
    done = {
        "weights": {each.name: each.fingerprint for each in networks},
        "settings": json.loads(json.dumps(settings.to_dict())),
        "surrogates": {name: each.fingerprint for name, each in known.surrogates.items()},
        "seed": config.seed,
        "data": arrays.sha256,
        "versions": versions(),
        "form": FORM,
    }
    written = [record.folder / name for name in ("results.json", FINDINGS)]
    if not _is_known(record, done) or not all(file.exists() for file in written):
        before = table.read(record.folder) if written[0].exists() else []
        with record.timed("evaluate"):
            rows, findings = _measure(config, arrays, record, networks, known)
        # Killed in between, the files would be taken for those of the evaluation before.
        record.note(evaluated=None)
        table.write(rows, record.folder, record.summary())
        files.write(written[1], json.dumps(findings, indent=1) + "\n")
        record.note(evaluated=done)
        _tell_gone(before, rows, console)
    table.show(table.read(record.folder), console)
    show_findings(table.read(record.folder, FINDINGS), console)


def _tell_gone(before: columns.Rows, now: columns.Rows, console: Console) -> None:
    """Says which rows of the table before are none of this one."""
    old, new = ([_in_words(row) for row in rows] for rows in (before, now))
    gone = ", ".join(words for words in old if words not in new)
    if gone:
        kept = "To have them again, name their attacks too: evaluation.jsonl keeps what was found."
        console.print(plain(f"The table is replaced, and no longer has {gone}. {kept}"))


def _in_words(row: dict[str, Any]) -> str:
    """Returns "pgd-10 at 0.1 of last", which tells a row from all others."""
    epsilon, surrogate = columns.epsilon(row), row.get("surrogate")
    radius = "" if epsilon is None else f" at {epsilon:.6g}"
    return f"{row['attack']}{radius} of {row['checkpoint']}" + (
        f" by {surrogate}" * bool(surrogate)
    )


class _Judged(NamedTuple):
    """A network under evaluation: its name in tables, itself, and what tells its weights."""

    name: str
    network: Any
    fingerprint: str


def _is_known(record: RunRecord, done: dict[str, Any]) -> bool:
    """Returns whether the record tells of an evaluation that found all that `done` would."""
    found = record.content.get("evaluated") or {"settings": {}}  # None while it is written anew
    same = covers(found["settings"], done["settings"])
    return same and covers(found | {"settings": done["settings"]}, done)


def _networks(config: ConfigDict, record: RunRecord, known: Known) -> list[_Judged]:
    wanted = config.evaluation.checkpoints
    own = [
        _Judged(name, network, trained.fingerprint(network))
        for name, _, network in trained.of_run(config, record.folder)
        if name in wanted
    ]
    if not own:
        raise UserError(
            "evaluation.checkpoints must name a network that the run has kept",
            "('last',); best needs held-out examples",
            f"evaluation.checkpoints={tuple(wanted)}",
        )
    taken = config_check.CHECKPOINTS
    others = [
        _Judged(visible(str(each.path)) if name in taken else name, each.network, each.fingerprint)
        for name, each in known.others.items()
    ]
    return own + others


def _measure(
    config: ConfigDict,
    arrays: data.Arrays,
    record: RunRecord,
    networks: list[_Judged],
    known: Known,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    settings = config.evaluation
    common = {
        "norm": settings.norm,
        "seed": config.seed,
        "journal": Journal(record.folder / JOURNAL),
    }
    surrogates = {name: each.network for name, each in known.surrogates.items()}
    whole = first(arrays, settings.examples, settings.batch_size)
    rows, findings = [], []
    for name, network, _ in networks:
        with signs.work(name):
            found = white_box(
                network,
                whole,
                epsilon=(settings.epsilon, *settings.epsilons),
                attacks=settings.attacks,
                stop_when_wrong=settings.stop_when_wrong,
                **common,
            )
            if surrogates:
                found += black_box(network, surrogates, whole, epsilon=settings.epsilon, **common)
        rows += [{"checkpoint": name} | row for row in found]
        if settings.check_examples:
            few = first(arrays, settings.check_examples, settings.batch_size)
            reached = [(row["farthest"], row["outside"]) for row in found if "farthest" in row]
            with signs.work(f"checks of {name}"):
                looked = check(
                    network,
                    few,
                    epsilon=settings.epsilon,
                    surrogates=surrogates,
                    reached=reached,
                    **common,
                )
            findings += [{"checkpoint": name} | dataclasses.asdict(each) for each in looked]
    return rows, findings


def first(arrays: data.Arrays, n: int, batch_size: int) -> tf.data.Dataset:
    """Returns batches of the first `n` test images, of all if `n` is 0."""
    n = n or len(arrays.x_test)
    return data.test_batches(arrays.x_test[:n], arrays.y_test[:n], batch_size=batch_size)
