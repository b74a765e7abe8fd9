"""A run in its work folder: train, evaluate, analyze, report, export, each resumable.

run.train(config, pathlib.Path("runs/digits_dynamic"))
"""

from __future__ import annotations

import pathlib
import shutil
import tempfile
from typing import Any

import keras
import tensorflow as tf
from ml_collections import ConfigDict
from rich.console import Console

from fosc_tf import build, callbacks, data, run_evaluation, run_record, trained
from fosc_tf import export as exports
from fosc_tf.attacks import presets
from fosc_tf.errors import UserError, cannot_write
from fosc_tf.run_record import RunRecord
from fosc_tf.training.agreement import check_agreement
from fosc_tf.training.checkpoints import Checkpoints, step_of_last
from fosc_tf.training.distribution import is_chief, worker
from fosc_tf.training.ledger import Ledger


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
    if config.distribution == "multi_worker" and _is_trained(folder):
        # Without a strategy: it would wait for workers that may have ended long ago.
        if is_chief():
            record, _ = _evaluated(config, folder, overrides)
            _export(config, record)
        return
    experiment = build.build(config)
    if experiment.worker:
        # Takes part in every save and restore, but what counts is the chief's.
        with tempfile.TemporaryDirectory() as own:
            _fit(experiment, pathlib.Path(own), folder / "checkpoints")
        return
    networks = run_evaluation.known_networks(config)
    contents = {
        "source": experiment.arrays.source,
        "sha256": experiment.arrays.sha256,
        "batch": experiment.batch_size,
    }
    record = RunRecord.open(folder, config.to_dict(), overrides, contents)
    ledger = _fit(experiment, folder, folder / "checkpoints")
    record.took("train", _wall(ledger))
    record.note(trained=step_of_last(folder / "checkpoints"))
    _console().print(_summary(ledger), highlight=False)
    run_evaluation.evaluate(config, experiment.arrays, record, networks, _console())
    _export(config, record)


def evaluate(config: ConfigDict, folder: pathlib.Path, overrides: dict[str, Any]) -> None:
    """Evaluates the last and the best network of a work folder; see `train`."""
    _prepare_alone(config)
    _evaluated(config, folder, overrides)


def analyze(config: ConfigDict, folder: pathlib.Path, overrides: dict[str, Any]) -> None:
    """Draws the FOSC views of the last network of a work folder into `analysis/`; see `train`."""
    # Only this mode needs Matplotlib and SciPy's statistics, which are slow to import.
    from fosc_tf import run_views

    _prepare_alone(config)
    run_views.draw(config, _existing(config, folder, overrides), _console())


def report(config: ConfigDict, folder: pathlib.Path, overrides: dict[str, Any]) -> None:
    """Writes the report of a work folder, after measuring what is still missing; see `train`."""
    from fosc_tf import run_report, run_views

    _prepare_alone(config)
    trained.load_others((*config.analysis.others, *config.report.others), config)
    record, arrays = _evaluated(config, folder, overrides)
    run_views.draw(config, record, _console())
    page = run_report.write(config, arrays, record)
    _console().print(f"report: {page}", markup=False, highlight=False)


def export(config: ConfigDict, folder: pathlib.Path, overrides: dict[str, Any]) -> None:
    """Exports the last and the best network of a work folder; see `train`."""
    _prepare_alone(config)
    _export(config, _existing(config, folder, overrides))


def _evaluated(
    config: ConfigDict, folder: pathlib.Path, overrides: dict[str, Any]
) -> tuple[RunRecord, data.Arrays]:
    """Evaluates a trained work folder; returns its record and the dataset."""
    networks = run_evaluation.known_networks(config)
    arrays = data.load(config.data.name, npz=config.data.npz, dir=config.data.dir)
    record = _existing(config, folder, overrides)
    run_evaluation.evaluate(config, arrays, record, networks, _console())
    return record, arrays


def _is_trained(folder: pathlib.Path) -> bool:
    """Returns whether a run has noted its end and its last checkpoint is still there."""
    step = step_of_last(folder / "checkpoints")
    return bool(step) and (run_record.read(folder) or {}).get("trained") == step


def _existing(config: ConfigDict, folder: pathlib.Path, overrides: dict[str, Any]) -> RunRecord:
    if not step_of_last(folder / "checkpoints"):
        raise UserError(
            "only a trained work folder can be evaluated, analyzed, reported or exported",
            "--workdir=FOLDER of a run, or --mode=train first",
            f"no checkpoint in {folder}",
        )
    return RunRecord.open(folder, config.to_dict(), overrides)


def _prepare_alone(config: ConfigDict) -> None:
    if config.distribution == "multi_worker":
        raise UserError(
            "several workers train together and do nothing else: each would do all of it",
            "one start with --config.distribution=none",
            "distribution=multi_worker in a mode other than train",
        )
    _prepare(config)


def _prepare(config: ConfigDict) -> None:
    build.check(config)
    tf.get_logger().setLevel("ERROR")
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()


def _summary(ledger: Ledger) -> str:
    rows = ledger.rows
    gradients = [row["gradients"] for row in rows if "gradients" in row]
    cost = f"{sum(gradients) / len(gradients):.2f}" if gradients else "no"
    return f"{len(rows)} epochs in {_wall(ledger):.0f} s, {cost} attack gradients per example"


def _wall(ledger: Ledger) -> float:
    # Kept in checkpoints: a clock around the training of this start would miss those killed.
    return sum(each.wall for each in ledger.times)


def _fit(experiment: build.Experiment, folder: pathlib.Path, earlier: pathlib.Path) -> Ledger:
    """Trains from the last checkpoint in `earlier`, if there is one, and writes into `folder`."""
    config, trainer = experiment.config, experiment.trainer
    ledger = Ledger()
    checkpoints = Checkpoints(folder / "checkpoints", trainer, ledger, config.checkpoint.keep)
    checkpoints.restore(earlier)
    if worker(trainer.distribute_strategy)[1] > 1:
        check_agreement(trainer.distribute_strategy, _held(experiment))
    steps = experiment.steps_per_epoch
    epoch, position = divmod(int(trainer.optimizer.iterations.numpy()), steps)
    if epoch >= config.total_epochs:
        return ledger
    writer = tf.summary.create_file_writer(str(folder / "tensorboard"))
    watchers = _watchers(experiment, folder, checkpoints, ledger, writer)
    try:
        if position:
            rest = experiment.batches(epoch=epoch, position=position).take(steps - position)
            options = {"callbacks": watchers, "verbose": 0}
            trainer.fit(rest, initial_epoch=epoch, epochs=epoch + 1, **options)
            epoch += 1
        if epoch < config.total_epochs:
            trainer.fit(
                experiment.batches(epoch=epoch),
                steps_per_epoch=steps,
                initial_epoch=epoch,
                epochs=config.total_epochs,
                callbacks=watchers,
                verbose=0,
            )
    finally:
        watchers[-1].close()
        writer.close()
    return ledger


def _held(experiment: build.Experiment) -> dict[str, Any]:
    """Returns what every worker must hold alike, by name; where its data lie is its own."""
    held = {
        "step": int(experiment.trainer.optimizer.iterations.numpy()),
        "contents of the data": experiment.arrays.sha256[:12],
    }
    for section, value in experiment.config.to_dict().items():
        for name, field in value.items() if isinstance(value, dict) else [("", value)]:
            if (section, name) not in (("data", "npz"), ("data", "dir")):
                held[f"{section}.{name}".rstrip(".")] = field
    return held


def _watchers(
    experiment: build.Experiment,
    folder: pathlib.Path,
    checkpoints: Checkpoints,
    ledger: Ledger,
    writer: tf.summary.SummaryWriter,
) -> list[keras.callbacks.Callback]:
    """Returns the callbacks in the order in which they must see an epoch's logs."""
    config, network = experiment.config, experiment.trainer.network
    guard = callbacks.NanGuard()
    shown = next(iter(experiment.test_batches().unbatch().batch(max(config.log.images, 1))))
    watchers = [guard, callbacks.FoscHistogram(folder / "fosc", writer, ledger)]
    if len(experiment.held_out.image) and config.evaluation.held_out_every:
        watchers.append(
            callbacks.HeldOut(
                network,
                experiment.held_out_batches(),
                experiment.held_out_attack(),
                every=config.evaluation.held_out_every,
                seed=config.seed,
            )
        )
    return [
        *watchers,
        callbacks.TensorBoard(
            writer,
            network,
            shown[0][: config.log.images].numpy(),
            shown[1][: config.log.images].numpy(),
            presets.get("pgd-10", epsilon=config.evaluation.epsilon, norm=config.evaluation.norm),
            config.evaluation.epsilon,
        ),
        callbacks.Saving(
            checkpoints,
            ledger,
            guard,
            steps_per_epoch=experiment.steps_per_epoch,
            every_steps=config.checkpoint.every_steps,
            history=folder / "history.json",
        ),
        callbacks.Progress(
            total_epochs=config.total_epochs,
            steps_per_epoch=experiment.steps_per_epoch,
            batch_size=experiment.batch_size,
        ),
    ]


def _export(config: ConfigDict, record: RunRecord) -> None:
    for unfinished in record.folder.glob(".export*"):  # of a run killed while exporting
        shutil.rmtree(unfinished)
    digests = {}
    with record.timed("export"):
        for name, _, network in trained.of_run(config, record.folder):
            path = record.folder / ("export" if name == "last" else "export_best")
            try:
                exports.save(network, path, data=config.data.name)
            except tf.errors.OpError as error:
                raise cannot_write(path, error) from error
            digests[name] = exports.about(path)["weights_sha256"]
            _console().print(f"{name} network: {path}", markup=False, highlight=False)
    record.note(exported=digests)


def _console() -> Console:
    """Returns the standard output; where that is no terminal, lines are not broken at 80."""
    console = Console()
    return console if console.is_terminal else Console(width=10_000)
