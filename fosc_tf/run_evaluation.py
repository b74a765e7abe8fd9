"""The evaluation of a work folder: last and best network, every attack, transfer and checks.

evaluate(config, arrays, RunRecord.open(folder, config.to_dict(), {}), Console())
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import tensorflow as tf
from ml_collections import ConfigDict
from rich.console import Console

from fosc_tf import data, files, trained
from fosc_tf.errors import UserError
from fosc_tf.evaluation import Journal, black_box, table, white_box
from fosc_tf.evaluation.checks import check
from fosc_tf.evaluation.finding_table import show_findings
from fosc_tf.run_record import RunRecord

JOURNAL, FINDINGS = "evaluation.jsonl", "checks.json"


def evaluate(config: ConfigDict, arrays: data.Arrays, record: RunRecord, console: Console) -> None:
    """Writes `results.json`, `results.md` and `checks.json`, and shows them.

    What has been found is kept in `evaluation.jsonl` batch by batch, so that a killed evaluation
    goes on where it was; what is complete for these weights and settings is only shown.

    Raises:
        UserError: no such checkpoint, an unknown attack, a surrogate of other images or classes.
    """
    settings = config.evaluation
    wanted = settings.checkpoints
    networks = [each for each in trained.of_run(config, record.folder) if each[0] in wanted]
    if not networks:
        raise UserError(
            "evaluation.checkpoints must name a network that the run has kept",
            "('last',); best needs held-out examples",
            f"evaluation.checkpoints={tuple(wanted)}",
        )
    surrogates = {each.name: each for each in map(trained.load, settings.surrogates)}
    done = {
        "steps": {name: step for name, step, _ in networks},
        "settings": json.loads(json.dumps(settings.to_dict())),
        "surrogates": {name: each.fingerprint for name, each in surrogates.items()},
        "seed": config.seed,
        "data": arrays.sha256,
    }
    written = [record.folder / name for name in ("results.json", FINDINGS)]
    if record.content.get("evaluated") != done or not all(file.exists() for file in written):
        with record.timed("evaluate"):
            rows, findings = _measure(config, arrays, record, networks, surrogates)
        table.write(rows, record.folder, record.summary())
        files.write(written[1], json.dumps(findings, indent=1) + "\n")
        record.note(evaluated=done)
    table.show(table.read(record.folder), console)
    show_findings(json.loads(written[1].read_text()), console)


def _measure(
    config: ConfigDict,
    arrays: data.Arrays,
    record: RunRecord,
    networks: list[tuple[str, int, Any]],
    surrogates: dict[str, trained.Trained],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    settings = config.evaluation
    journal = Journal(record.folder / JOURNAL)
    common = {"norm": settings.norm, "seed": config.seed, "journal": journal}
    whole = first(arrays, settings.examples, settings.batch_size)
    rows, findings = [], []
    for name, _, network in networks:
        found = white_box(
            network,
            whole,
            epsilon=settings.epsilon,
            attacks=settings.attacks,
            stop_when_wrong=settings.stop_when_wrong,
            **common,
        )
        if surrogates:
            known = {each.name: each.network for each in surrogates.values()}
            found += black_box(network, known, whole, epsilon=settings.epsilon, **common)
        rows += [{"checkpoint": name} | row for row in found]
        if settings.check_examples:
            few = first(arrays, settings.check_examples, settings.batch_size)
            looked = check(network, few, epsilon=settings.epsilon, **common)
            findings += [{"checkpoint": name} | dataclasses.asdict(each) for each in looked]
    return rows, findings


def first(arrays: data.Arrays, n: int, batch_size: int) -> tf.data.Dataset:
    """Returns batches of the first `n` test images, of all if `n` is 0."""
    n = n or len(arrays.x_test)
    return data.test_batches(arrays.x_test[:n], arrays.y_test[:n], batch_size=batch_size)
