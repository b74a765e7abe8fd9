"""From a config to objects: a run begins here, its config checked first.

experiment = build(config)
experiment.trainer.fit(experiment.batches(epoch=0), steps_per_epoch=experiment.steps_per_epoch)
"""

from __future__ import annotations

import dataclasses
import itertools

import keras
import tensorflow as tf
from ml_collections import ConfigDict

from fosc_tf import data
from fosc_tf.building.complete_defense import defense, periods
from fosc_tf.building.division import augmentation, parts
from fosc_tf.building.networks import network, starting_network
from fosc_tf.building.taken import taken
from fosc_tf.config_check import check
from fosc_tf.data.mixed import rows_of_extra
from fosc_tf.errors import UserError
from fosc_tf.evaluation.stages import Stages, stages
from fosc_tf.fields import flat
from fosc_tf.schedules import Clock, in_periods, learning_rate
from fosc_tf.training import AdversarialTrainer, optimizer
from fosc_tf.training.agreement import check_agreement
from fosc_tf.training.distribution import strategy, worker
from fosc_tf.types import Defense

__all__ = [
    "Experiment",
    "build",
    "defense",
    "network",
    "parts",
    "periods",
    "starting_network",
]


@dataclasses.dataclass
class Experiment:
    """Everything a run needs, made from one config.

    Attributes:
        config: where it all comes from.
        arrays: the dataset, its training set cut to `data.examples`.
        train: the part that is trained on, of which `data.subset` may leave some examples.
        held_out: the part that chooses the best epoch; may be empty.
        extra: further images, a share of each batch; None without.
        trainer: compiled, its optimizer built.
        steps_per_epoch: batches of one pass over `train`.
        batch_size: examples of one weight update, over all replicas and workers.
    """

    config: ConfigDict
    arrays: data.Arrays
    train: data.Part
    held_out: data.Part
    trainer: AdversarialTrainer
    steps_per_epoch: int
    batch_size: int
    extra: data.Part | None = None

    @property
    def epochs(self) -> int:
        """Passes over `train` that the run makes."""
        return self.trainer.defense.passes or self.config.total_epochs

    @property
    def member_epochs(self) -> list[int]:
        """After how many epochs each of several periods ends, and a member of the ensemble is."""
        return list(itertools.accumulate(periods(self.config)))

    @property
    def worker(self) -> int:
        """The number of this process among the workers; 0 is the chief or the only one."""
        return worker(self.trainer.distribute_strategy)[0]

    def batches(self, *, epoch: int, position: int = 0) -> tf.data.Dataset:
        """Returns endless training batches from batch `position` of `epoch` on."""
        config = self.config.data
        return data.train_batches(
            self.train.image,
            self.train.label,
            ids=self.train.ids,
            batch_size=self.batch_size,
            seed=self.config.seed,
            augment=augmentation(config),
            start_epoch=epoch,
            start_position=position,
            extra=self.extra,
            extra_share=config.get("extra_share", 0.5),
        )

    def test_batches(self) -> tf.data.Dataset:
        """Returns the whole test set once, in order."""
        size = self.config.evaluation.batch_size
        return data.test_batches(self.arrays.x_test, self.arrays.y_test, batch_size=size)

    def held_out_batches(self, first: int | None = None) -> tf.data.Dataset:
        """Returns the held-out part once, in order; with `first` the first images of it alone."""
        size, part = self.config.evaluation.batch_size, self.held_out
        return data.test_batches(part.image[:first], part.label[:first], batch_size=size)

    def held_out_attack(self) -> Stages:
        """Returns the attack that chooses the best epoch."""
        config = self.config.evaluation
        return stages(config.held_out_attack, epsilon=config.epsilon, norm=config.norm)


def build(config: ConfigDict) -> Experiment:
    """Makes an experiment; nothing is trained or written yet.

    Args:
        config: from one of `configs/`.

    Raises:
        UserError: any field that cannot work, alone or with the others; workers that differ in
            config or data.
    """
    check(config)
    replicas = strategy(config.distribution)  # first: several workers must find each other early
    factor = replicas.num_replicas_in_sync if config.optimizer.scale_with_replicas else 1
    batch_size = config.data.batch_size * factor
    stored = data.load(config.data.name, npz=config.data.npz, dir=config.data.dir)
    arrays = data.first(stored, config.data.get("examples", 0))
    if worker(replicas)[1] > 1:
        # Before any variable is made, where TensorFlow would tell of shapes or of a dead worker.
        held = {"contents of the data": arrays.sha256[:12]} | flat(config.to_dict())
        check_agreement(replicas, held)
    train, held_out = parts(config, arrays)
    extra, others, number = None, 0, len(arrays.x_train)
    if config.data.get("extra"):
        extra = data.load_extra(config.data.name, config.data.extra, first_id=number)
        others = rows_of_extra(batch_size, config.data.extra_share)
        number += len(extra.image)
    steps_per_epoch = data.steps_per_epoch(len(train.image), batch_size - others)
    if batch_size % replicas.num_replicas_in_sync:
        raise UserError(
            f"the batch must be divisible by the {replicas.num_replicas_in_sync} replicas",
            "a data.batch_size that is a multiple of their number",
            f"data.batch_size={config.data.batch_size}",
        )
    with replicas.scope():
        found = defense(config, steps_per_epoch, number, batch_size)
        trainer = _trainer(config, found, steps_per_epoch, factor)
    made = (config, arrays, train, held_out, trainer, steps_per_epoch, batch_size)
    return Experiment(*made, extra)


def _trainer(
    config: ConfigDict, found: Defense, steps_per_epoch: int, factor: int
) -> AdversarialTrainer:
    # So that no epoch is too short to measure FOSC at least once.
    fosc_every = min(config.log.fosc_every, steps_per_epoch)
    trained = starting_network(config, config.precision)
    trainer = AdversarialTrainer(trained, found, seed=config.seed, fosc_every=fosc_every)
    if config.jit_compile and not trainer.supports_jit:
        raise UserError(
            "XLA compiles batches of one size only, and of this defense's examples some stop early",
            "jit_compile=False, or a defense whose steps are as many for all, such as standard",
            f"jit_compile=True with defense.name={config.defense.name!r}",
        )
    chosen = _optimizer(config, factor, Clock(steps_per_epoch))
    trainer.compile(optimizer=chosen, jit_compile=config.jit_compile)
    trainer.optimizer.build(trainer.network.trainable_variables)
    return trainer


def _optimizer(config: ConfigDict, factor: int, clock: Clock) -> keras.optimizers.Optimizer:
    """Returns the config's optimizer with the config's schedule, its rate times `factor`.

    In a run of several periods the schedule is that of the first.
    """
    lengths = periods(config)
    first = lengths[0] if lengths else config.total_epochs
    offered = {**config.optimizer, "total_epochs": first, "clock": clock}
    name, schedule = offered.pop("name"), offered.pop("schedule")
    offered["learning_rate"] *= factor
    arguments = taken(learning_rate.RATES.factory(schedule), offered)
    rate = learning_rate.get(schedule, **arguments)
    offered["learning_rate"] = in_periods(rate, lengths, clock=clock)
    return optimizer.get(name, **taken(optimizer.OPTIMIZERS.factory(name), offered))
