"""A run in its work folder: train, evaluate, analyze, report, export, each resumable.

modes.train(config, pathlib.Path("runs/digits_dynamic"))
"""

from __future__ import annotations

import hashlib
import pathlib
import sys
import tempfile
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from ml_collections import ConfigDict

from fosc_tf import build, config_check, data, signs
from fosc_tf import export as exports
from fosc_tf.analysis.lipschitz import lipschitz_bound
from fosc_tf.errors import UserError, cannot_write
from fosc_tf.runs import certification, evaluation, opening, shipping, trained, training
from fosc_tf.runs.record import RunRecord
from fosc_tf.runs.trained import EXPORTS
from fosc_tf.show import screen
from fosc_tf.training.checkpoints import ENSEMBLE, step_of_last
from fosc_tf.training.distribution import is_chief


def train(config: ConfigDict, folder: pathlib.Path, overrides: dict[str, Any]) -> None:
    """Trains to the end, from the last checkpoint if there is one, then evaluates and exports.

    Of several workers the chief alone evaluates and exports.

    Args:
        config: the experiment.
        folder: work folder; made if missing.
        overrides: fields given on the command line, for the record.

    Raises:
        UserError: a mistake in the config or the folder; nothing has been written over.
        NotFinite: a metric or weight became NaN; the last checkpoint is from before.
    """
    _prepare(config)
    if config.distribution == "multi_worker" and trained.finished(folder):
        # Without a strategy: it would wait for workers that may have ended long ago.
        if is_chief():
            record, _ = _evaluated(config, folder, overrides)
            _export(config, record)
        return
    with signs.work("building data and network"):
        experiment = build.build(config)
    if experiment.worker:
        # Takes part in every save and restore, but what counts is the chief's.
        with tempfile.TemporaryDirectory() as own:
            training.fit(experiment, pathlib.Path(own), folder / "checkpoints")
        return
    for others in (config.analysis.others, config.report.others):
        trained.load_others(others, config, folder)
    networks = evaluation.known_networks(config, folder)
    contents = {
        "source": experiment.arrays.source,
        "sha256": experiment.arrays.sha256,
        "batch": experiment.batch_size,
    }
    if config.data.get("subset"):
        ids = np.sort(experiment.train.ids).astype("<i8")
        contents["subset"] = hashlib.sha256(ids.tobytes()).hexdigest()
    if config.model.get("weights"):
        contents["weights"] = trained.fingerprint(experiment.trainer.network)
    _check_exports(folder)
    if config.log.get("lipschitz", False):
        lipschitz_bound(experiment.trainer.network)  # refuses a layer before there is a folder
    record = RunRecord.open(folder, config.to_dict(), overrides, contents)
    for line in opening.lines(experiment, folder):
        signs.say(line)
    ledger = training.fit(experiment, folder, folder / "checkpoints")
    record.took("train", ledger.wall)
    record.note(trained=step_of_last(folder / "checkpoints"))
    screen.console().print(ledger.summary(), highlight=False)
    evaluation.evaluate(config, experiment.arrays, record, networks, screen.console())
    _export(config, record)


def evaluate(config: ConfigDict, folder: pathlib.Path, overrides: dict[str, Any]) -> None:
    """Evaluates the last and the best network of a work folder; see `train`."""
    _prepare_alone(config)
    _evaluated(config, folder, overrides)


def analyze(config: ConfigDict, folder: pathlib.Path, overrides: dict[str, Any]) -> None:
    """Draws the FOSC views of the last network of a work folder into `analysis/`; see `train`."""
    # Only this mode needs Matplotlib and SciPy's statistics, which are slow to import.
    from fosc_tf.runs import views

    _prepare_alone(config)
    views.check(config, folder)
    views.draw(config, _existing(config, folder, overrides), screen.console())


def report(config: ConfigDict, folder: pathlib.Path, overrides: dict[str, Any]) -> None:
    """Writes the report of a work folder, after measuring what is still missing; see `train`."""
    from fosc_tf.runs import reporting, views

    _prepare_alone(config)
    views.check(config, folder)
    trained.load_others(config.report.others, config, folder)
    record, arrays = _evaluated(config, folder, overrides)
    views.draw(config, record, screen.console())
    page = reporting.write(config, arrays, record)
    screen.console().print(screen.plain(f"report: {page}"))


def certify(config: ConfigDict, folder: pathlib.Path, overrides: dict[str, Any]) -> None:
    """Proves what the networks of a work folder withstand, or one of `config.model.weights`.

    See `train`; a proof that an attack refutes ends the program with code 1.
    """
    _prepare_alone(config)
    certification.check(config)
    if tuple(config.evaluation.checkpoints) == (ENSEMBLE,):
        raise UserError(
            "what is proved is one network: bounds know no mean of probabilities",
            "evaluation.checkpoints=('last',)",
            "evaluation.checkpoints=('ensemble',)",
        )
    arrays = data.load(config.data.name, npz=config.data.npz, dir=config.data.dir)
    if step_of_last(folder / "checkpoints") or not config.model.get("weights"):
        record = _existing(config, folder, overrides)
        networks = (
            (name, network)
            for name, _, network in trained.of_run(config, folder)
            # Bounds go through one network, not through a mean of probabilities.
            if name in config.evaluation.checkpoints and name != ENSEMBLE
        )
    else:
        network = build.starting_network(config)
        record = RunRecord.open(folder, config.to_dict(), overrides)
        networks = [("weights", network)]
    try:
        certification.certify(config, arrays, record, networks, screen.console())
    except certification.Contradiction as error:
        sys.exit(f"\n{error}")


def export(config: ConfigDict, folder: pathlib.Path, overrides: dict[str, Any]) -> None:
    """Exports the last and the best network of a work folder; see `train`."""
    _prepare_alone(config)
    _export(config, _existing(config, folder, overrides))


def _evaluated(
    config: ConfigDict, folder: pathlib.Path, overrides: dict[str, Any]
) -> tuple[RunRecord, data.Arrays]:
    """Evaluates a trained work folder; returns its record and the dataset."""
    networks = evaluation.known_networks(config, folder)
    arrays = data.load(config.data.name, npz=config.data.npz, dir=config.data.dir)
    record = _existing(config, folder, overrides)
    evaluation.evaluate(config, arrays, record, networks, screen.console())
    return record, arrays


def _existing(config: ConfigDict, folder: pathlib.Path, overrides: dict[str, Any]) -> RunRecord:
    if not step_of_last(folder / "checkpoints"):
        raise UserError(
            "only a trained work folder can be evaluated, analyzed, reported or exported",
            "--workdir=FOLDER of a run, or --mode=train first",
            f"no checkpoint in {folder}",
        )
    record = RunRecord.open(folder, config.to_dict(), overrides)
    if not trained.finished(folder):
        step = step_of_last(folder / "checkpoints")
        screen.console().print(
            f"Its training has not ended: this is the network of step {step:,}. --mode=train goes "
            "on with it.",
            highlight=False,
        )
    return record


def _prepare_alone(config: ConfigDict) -> None:
    if config.distribution == "multi_worker":
        raise UserError(
            "several workers train together and do nothing else: each would do all of it",
            "one start with --config.distribution=none",
            "distribution=multi_worker in a mode other than train",
        )
    _prepare(config)


def _prepare(config: ConfigDict) -> None:
    config_check.check(config)
    tf.get_logger().setLevel("ERROR")
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()


def _check_exports(folder: pathlib.Path) -> None:
    """Raises `UserError` where there is no place for the exports of a run."""
    for name in EXPORTS.values():
        exports.writing.check_replaceable(folder / name)


def _export(config: ConfigDict, record: RunRecord) -> None:
    for name in EXPORTS.values():
        exports.writing.recover(record.folder / name)
    _check_exports(record.folder)
    digests, sizes = {}, []
    with record.timed("export"):
        for name, _, network in trained.of_run(config, record.folder):
            path = record.folder / EXPORTS[name]
            try:
                with signs.work(f"export of {name}"):
                    exports.save(network, path, data=config.data.name)
            except tf.errors.OpError as error:
                raise cannot_write(path, error) from error
            digests[name] = exports.about(path)["weights_sha256"]
            screen.console().print(screen.plain(f"{name} network: {path}"))
            sizes += shipping.ship(name, network, record.folder)
        shipping.write(sizes, record.folder)
    record.note(exported=digests)
