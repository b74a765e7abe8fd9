"""The training of a work folder: from its last checkpoint to the end, with all that watches it.

ledger = fit(build.build(config), folder, folder / "checkpoints")
"""

from __future__ import annotations

import dataclasses
import io
import pathlib

import keras
import numpy as np
import tensorflow as tf

from fosc_tf import build, callbacks, data, files, signs
from fosc_tf.analysis.recording import ADAPTED, UPDATES
from fosc_tf.attacks import presets
from fosc_tf.runs import forecast, trained
from fosc_tf.training.agreement import check_agreement
from fosc_tf.training.checkpoints import AVERAGE, Checkpoints, Good, step_of_last
from fosc_tf.training.distribution import worker
from fosc_tf.training.ledger import Ledger
from fosc_tf.training.settling import settle

SETTLING = 100
"""Training batches, at most, that the averaged network's batch-norm statistics are taken over."""


def fit(experiment: build.Experiment, folder: pathlib.Path, earlier: pathlib.Path) -> Ledger:
    """Trains from the last checkpoint in `earlier`, if there is one, and writes into `folder`."""
    config, trainer = experiment.config, experiment.trainer
    ledger = Ledger()
    checkpoints = Checkpoints(folder / "checkpoints", trainer, ledger, config.checkpoint.keep)
    steps = experiment.epochs * experiment.steps_per_epoch
    began = _beginning(experiment, finished=step_of_last(earlier) >= steps)
    checkpoints.restore(earlier)
    step = trainer.step
    if worker(trainer.distribute_strategy)[1] > 1:
        held = {"step": step}
        if not step and config.model.get("weights"):
            held["initial weights"] = trained.fingerprint(trainer.network)
        check_agreement(trainer.distribute_strategy, held)
    if step < steps:
        _train(experiment, folder, checkpoints, ledger, began)
    _keep_average(experiment, checkpoints)
    _keep_adapted(experiment, folder)
    return ledger


@dataclasses.dataclass(frozen=True)
class Beginning:
    """What is known of a training before its first step, whenever it goes on.

    Attributes:
        weights: the network's trainable ones.
        held_out: measures the network, if anything is held out for that.
        measured: what it measured, where there is a monitor to judge the first epoch by that of
            trained weights.
    """

    weights: list[np.ndarray]
    held_out: callbacks.HeldOut | None
    measured: dict[str, float] | None


def _beginning(experiment: build.Experiment, *, finished: bool) -> Beginning:
    config, network = experiment.config, experiment.trainer.network
    weights, held_out = [np.array(each) for each in network.trainable_variables], None
    if len(experiment.held_out.image) and config.evaluation.held_out_every:
        held_out = callbacks.HeldOut(
            network,
            experiment.held_out_batches(),
            experiment.held_out_attack(),
            every=config.evaluation.held_out_every,
            seed=config.seed,
        )
    judged = held_out is not None and config.model.get("weights") and _monitored(experiment)
    return Beginning(weights, held_out, held_out.measure() if judged and not finished else None)


def _monitored(experiment: build.Experiment) -> bool:
    """Returns whether training is watched: a bound is no attack that it could learn to fool."""
    monitor, proof = experiment.config.get("monitor"), experiment.trainer.defense.proof
    return bool(monitor) and monitor.action != "off" and proof is None


def _train(
    experiment: build.Experiment,
    folder: pathlib.Path,
    checkpoints: Checkpoints,
    ledger: Ledger,
    began: Beginning,
) -> None:
    """Trains from where the trainer is to the end."""
    trainer, steps = experiment.trainer, experiment.steps_per_epoch
    epoch, position = divmod(trainer.step, steps)
    writer = tf.summary.create_file_writer(str(folder / "tensorboard"))
    watchers = [
        *_of_updates(experiment, folder, ledger, writer, began.weights),
        *_watchers(experiment, folder, checkpoints, ledger, writer, began),
    ]
    try:
        if position:
            rest = experiment.batches(epoch=epoch, position=position).take(steps - position)
            options = {"callbacks": watchers, "verbose": 0}
            trainer.fit(rest, initial_epoch=epoch, epochs=epoch + 1, **options)
            epoch += 1
        if epoch < experiment.epochs:
            trainer.fit(
                experiment.batches(epoch=epoch),
                steps_per_epoch=steps,
                initial_epoch=epoch,
                epochs=experiment.epochs,
                callbacks=watchers,
                verbose=0,
            )
    finally:
        watchers[-1].close()
        writer.close()


def _keep_adapted(experiment: build.Experiment, folder: pathlib.Path) -> None:
    """Writes what the defense adapts to each example, by its id, for the views: no images."""
    memory = experiment.trainer.defense.memory
    small = {} if memory is None else {n: s for n, s in memory.specs.items() if len(s.shape) < 2}
    if not small:
        return
    label, trained_on = experiment.arrays.y_train, np.zeros(memory.num_examples, bool)
    trained_on[experiment.train.ids] = True
    if experiment.extra is not None:
        label = np.concatenate([label, experiment.extra.label])
        trained_on[experiment.extra.ids] = True
    arrays = {name: memory.variables[name].numpy() for name in small}
    arrays |= {"label": label, "trained_on": trained_on}
    np.savez(content := io.BytesIO(), **arrays)
    files.write(folder / ADAPTED, content.getvalue())


def _keep_average(experiment: build.Experiment, checkpoints: Checkpoints) -> None:
    """Keeps the averaged weights, if there are any, as a network with statistics of its own."""
    trainer, config = experiment.trainer, experiment.config
    average = trainer.defense.average
    if average is None or step_of_last(checkpoints.folder / AVERAGE) == trainer.step:
        return
    network = build.network(config)
    average.copy_to(network)
    batches = min(experiment.steps_per_epoch, SETTLING)
    with signs.work("statistics of the averaged network"):
        settle(
            network,
            trainer.defense,
            experiment.batches(epoch=experiment.epochs).take(batches),
            seed=config.seed,
            step=trainer.step,
        )
    checkpoints.save_average(network)


def _of_updates(
    experiment: build.Experiment,
    folder: pathlib.Path,
    ledger: Ledger,
    writer: tf.summary.SummaryWriter,
    began: list[np.ndarray],
) -> list[keras.callbacks.Callback]:
    """Returns who takes updates out of the logs, before anyone else sees them; nobody if off."""
    count = experiment.config.log.get("updates", 0)
    if not count:
        return []
    # In each of `total_epochs` all images move the weights once, by Free too.
    total = experiment.config.total_epochs * experiment.steps_per_epoch
    facts = {"start": began, "path": folder / UPDATES, "writer": writer, "total": total}
    return [callbacks.Updates(count, ledger, **facts)]


def _watchers(
    experiment: build.Experiment,
    folder: pathlib.Path,
    checkpoints: Checkpoints,
    ledger: Ledger,
    writer: tf.summary.SummaryWriter,
    began: Beginning,
) -> list[keras.callbacks.Callback]:
    """Returns the callbacks in the order in which they must see an epoch's logs."""
    config, network = experiment.config, experiment.trainer.network
    guard = callbacks.NanGuard()
    shown = next(iter(experiment.test_batches().unbatch().batch(max(config.log.images, 1))))
    watchers = [guard, callbacks.FoscHistogram(folder / "fosc", writer, ledger)]
    if len(experiment.arrays.x_train) <= config.log.get("losses", 0):
        watchers.append(
            callbacks.ExampleLosses(folder / "losses", len(experiment.arrays.x_train), ledger)
        )
    looked_at = min(config.log.get("gradient_images", 0), len(experiment.held_out.image))
    if looked_at:
        watchers.append(
            callbacks.InputGradients(
                network,
                experiment.held_out_batches(looked_at),
                epsilon=config.evaluation.epsilon,
                norm=config.evaluation.norm,
                seed=config.seed,
                folder=folder / "gradients",
                writer=writer,
            )
        )
    looked_at = config.log.get("dead_images", 0)
    if looked_at:
        held_out = len(experiment.held_out.image) > 1
        image = (experiment.held_out if held_out else experiment.train).image[:looked_at]
        watchers.append(callbacks.DeadLayers(network, image))
    if config.log.get("lipschitz", False):
        watchers.append(callbacks.LipschitzBound(network))
    if began.held_out is not None:
        watchers.append(began.held_out)
        if experiment.trainer.defense.proof is not None:
            watchers.append(
                callbacks.HeldOutProof(
                    network,
                    experiment.held_out_batches(),
                    experiment.trainer.defense.proof,
                    epsilon=config.evaluation.epsilon,
                    norm=config.evaluation.norm,
                    every=config.evaluation.held_out_every,
                )
            )
        if _monitored(experiment):
            watchers.append(
                callbacks.CollapseMonitor(
                    len(experiment.held_out.image),
                    action=config.monitor.action,
                    fall=config.monitor.fall,
                    rows=ledger.rows,
                    before=began.measured,
                    kept=Good(folder / "checkpoints" / "good", experiment.trainer),
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
            data.get(config.data.name).classes,
        ),
        callbacks.Saving(
            checkpoints,
            ledger,
            guard,
            steps_per_epoch=experiment.steps_per_epoch,
            every_steps=config.checkpoint.every_steps,
            history=folder / "history.json",
            member_epochs=experiment.member_epochs,
        ),
        callbacks.Progress(
            total_epochs=experiment.epochs,
            steps_per_epoch=experiment.steps_per_epoch,
            batch_size=experiment.batch_size,
            held_out=[name for each in watchers for name in getattr(each, "adds", ())],
            afterwards=forecast.of(experiment),
        ),
    ]
