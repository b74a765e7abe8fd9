"""From a config to objects: a run begins here, its config checked first.

experiment = build(config)
experiment.trainer.fit(experiment.batches(epoch=0), steps_per_epoch=experiment.steps_per_epoch)
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf
from ml_collections import ConfigDict

from fosc_tf import data, defenses, files, models, subnetworks
from fosc_tf.config_check import check
from fosc_tf.data.mixed import rows_of_extra
from fosc_tf.defenses.periods import with_periods
from fosc_tf.defenses.relief import with_relief
from fosc_tf.errors import UserError
from fosc_tf.evaluation.stages import Stages, stages
from fosc_tf.fields import flat
from fosc_tf.schedules import Clock, in_periods, learning_rate
from fosc_tf.training import (
    AdversarialTrainer,
    WeightAverage,
    WeightPerturbation,
    initial_weights,
    optimizer,
)
from fosc_tf.training.agreement import check_agreement
from fosc_tf.training.distribution import strategy, worker
from fosc_tf.types import Defense


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
            augment=_augmentation(config),
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


def network(config: ConfigDict, precision: str = "float32") -> Any:
    """Returns the config's network with fresh weights: `config.model.weights` is not read.

    With a rate in `config.subnetwork` it is the masked one, with `trained="signs"` there the one of
    signs: of the layers and variables of `starting_network`, to be filled from a checkpoint.

    Args:
        config: of an experiment.
        precision: of its layers, one of `config_check.PRECISIONS`; the weights are float32 in any
            case, and so is a network that is to be evaluated.
    """
    made = _dense(config, precision)
    return _part(made, config.get("subnetwork", {}), config.seed)


def starting_network(config: ConfigDict, precision: str = "float32") -> Any:
    """Returns the config's network as its training begins, with the weights of `model.weights`.

    A network whose own weights are masked, or connected by their signs, is made of the network
    that is there, masked itself or not; any other one is filled as it is.

    Args:
        config: of an experiment.
        precision: as in `network`.

    Raises:
        UserError: no such weights, or those of another network.
    """
    weights = config.model.get("weights")
    if not weights:
        return network(config, precision)
    part, before = config.get("subnetwork", {}), _subnetwork_at(weights)
    if before is not None:
        _check_beginning(part, before, weights)
    kind = _kind(part)
    if kind == "own" or (kind == "signs" and _kind(before or {}) != "signs"):
        source = _part(_dense(config, precision), before or {}, config.seed)
        initial_weights.load(weights, source)
        return _part(source, part, config.seed)
    found = network(config, precision)
    initial_weights.load(weights, found)
    return found


def _dense(config: ConfigDict, precision: str) -> Any:
    """Returns the model that `config.model` names, all of its weights there."""
    entry = data.get(config.data.name)
    own = ("name", "weights", "initialization")
    arguments = {name: value for name, value in config.model.items() if name not in own}
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        made = models.get(
            config.model.name,
            input_shape=entry.image_shape,
            num_classes=entry.num_classes,
            **{"seed": config.seed, **arguments},
        )
    finally:
        keras.config.set_dtype_policy(before)
    if config.model.get("initialization") == "ibp":
        models.initialize(made, seed=config.seed)
    return made


def _kind(part: Mapping[str, Any]) -> str:
    """Returns dense, signs, or the kind of weights that are masked."""
    if part.get("trained") == "signs":
        return "signs"
    return part.get("weights", "binary") if part.get("rate") else "dense"


def _part(made: Any, part: Mapping[str, Any], seed: int) -> Any:
    """Returns what a section `subnetwork` makes of a network."""
    kind = _kind(part)
    if kind == "dense":
        return made
    if kind == "signs":
        return subnetworks.binary_connect(made, last_batch_norm=_has_last_batch_norm(part))
    return subnetworks.masked(made, seed=seed, **part)


def _has_last_batch_norm(part: Mapping[str, Any]) -> bool:
    given, kind = part.get("last_batch_norm"), _kind(part)
    return kind not in ("dense", "own") if given is None else given and kind != "dense"


def _subnetwork_at(path: str) -> Mapping[str, Any] | None:
    """Returns the section `subnetwork` of the run in a work folder; None of anything else."""
    file = files.local(path) / "run.json"
    if not file.exists():
        return None
    config = files.read_json(file, {"config": dict}, "an undamaged file")["config"]
    return config.get("subnetwork", {})


def _check_beginning(part: Mapping[str, Any], before: Mapping[str, Any], path: str) -> None:
    """Raises `UserError` for a run whose network cannot be where this one begins."""
    kind, other = _kind(part), _kind(before)
    words = {"dense": "a network of which all weights are trained", "signs": "a network of signs"}
    received = f"{words.get(other, f'a network with subnetwork.weights={other}')}, in {path}, for "
    received += words.get(kind, f"subnetwork.weights={kind}")
    if kind == "own" and other not in ("dense", "own"):
        raise UserError(
            "own weights are those of a network with its biases and affine parts",
            "model.weights=FOLDER of a dense run, or of one with subnetwork.weights=own",
            received,
        )
    if kind in ("binary", "signed_kaiming") and kind != other:
        raise UserError(
            "random weights are drawn and not read from another network",
            'subnetwork.weights=own, or model.weights=""',
            received,
        )
    if kind == "dense" and other != "dense":
        raise UserError(
            "a network of which all weights are trained begins with such a network",
            "model.weights=FOLDER of a dense run, or subnetwork.weights=own with a rate",
            received,
        )
    if kind == "signs" and other not in ("dense", "own", "signs"):
        raise UserError(
            "signs are those of weights that were trained",
            "model.weights=FOLDER of a dense run, of one with subnetwork.weights=own, or of signs",
            received,
        )
    if _has_last_batch_norm(before) and not _has_last_batch_norm(part):
        raise UserError(
            "a last batch norm stays where it is",
            "subnetwork.last_batch_norm=True",
            f"subnetwork.last_batch_norm=False with the one of {path}",
        )


def defense(
    config: ConfigDict, steps_per_epoch: int, num_examples: int = 1, batch_size: int | None = None
) -> Defense:
    """Returns the config's defense; what it takes of the run's facts it gets by their names.

    Args:
        config: of an experiment.
        steps_per_epoch: batches of one pass over the part that is trained on.
        num_examples: of the whole training set, the held-out part too: ids run over all of it.
        batch_size: over all replicas; None is that of the config.

    Raises:
        UserError: arguments that make no defense.
    """
    entry = data.get(config.data.name)
    facts = {
        "steps_per_epoch": steps_per_epoch,
        "total_epochs": config.total_epochs,
        "num_examples": num_examples,
        "image_shape": entry.image_shape,
        "num_classes": entry.num_classes,
        "batch_size": batch_size or config.data.batch_size,
        "augment": _augmentation(config.data),
    }
    arguments = _taken(defenses.factory(config.defense.name), facts)
    arguments |= {name: config.defense[name] for name in config.defense if name != "name"}
    found = defenses.get(config.defense.name, **arguments)
    parts, clock = {}, Clock(steps_per_epoch)
    for part, make, size in (
        ("perturbation", WeightPerturbation, "gamma"),
        ("average", WeightAverage, "decay"),
    ):
        section = config[part]
        if section[size]:  # 0 leaves the defense its own
            parts[part] = make(section[size], from_epoch=section.from_epoch, clock=clock)
    if config.get("label_smoothing"):
        parts["label_smoothing"] = config.label_smoothing
    found = dataclasses.replace(found, **parts)
    if found.proof is not None and config.precision != "float32":
        raise UserError(
            "what bounds are trained of must be computed in float32",
            "precision=float32",
            f"precision={config.precision!r} with defense.name={config.defense.name!r}",
        )
    if periods(config):
        run = {"total_epochs": config.total_epochs, "steps_per_epoch": steps_per_epoch}
        found = with_periods(found, **config.periods, **run)
    going_back = config.get("monitor", {}).get("action") == "go_back"
    if going_back and found.proof is not None:
        raise UserError(
            "certified training descends bounds, which nothing learns to fool: it is not watched",
            "monitor.action=off or warn, or a defense that attacks",
            f"monitor.action='go_back' with defense.name={config.defense.name!r}",
        )
    return with_relief(found) if going_back else found


def periods(config: ConfigDict) -> tuple[int, ...]:
    """Returns the epochs of each period of epsilon; none where it does not rise in periods."""
    return tuple(config.get("periods", {}).get("lengths", ()))


def parts(config: ConfigDict, arrays: data.Arrays) -> tuple[data.Part, data.Part]:
    """Returns what is trained on and what is held out of a training set.

    Args:
        config: of an experiment.
        arrays: cut to `data.examples`.

    Raises:
        UserError: more held-out images than there are, a subset that cannot be chosen.
    """
    train, held_out = data.split(arrays, held_out=config.data.held_out, seed=config.seed)
    if config.data.get("subset"):
        train = _subset(config, arrays, train)
    return train, held_out


def _subset(config: ConfigDict, arrays: data.Arrays, train: data.Part) -> data.Part:
    """Returns what `config.data.subset` leaves of the part that is trained on."""
    settings, difficulty = config.data, None
    if settings.subset_run:
        # Only a run on a subset needs what draws and ranks, which is slow to import.
        from fosc_tf.analysis.difficulty import difficulty_of_run

        difficulty = difficulty_of_run(
            settings.subset_run, num_examples=len(arrays.x_train), sha256=arrays.sha256
        )
    return data.chosen(
        train,
        settings.subset,
        settings.subset_examples,
        num_classes=data.get(settings.name).num_classes,
        difficulty=difficulty,
        seed=config.seed,
    )


def _taken(factory: Callable[..., Any], offered: Mapping[str, Any]) -> dict[str, Any]:
    """Returns those of the arguments offered that `factory` takes."""
    taken = inspect.signature(factory).parameters
    return {name: value for name, value in offered.items() if name in taken}


def _optimizer(config: ConfigDict, factor: int, clock: Clock) -> keras.optimizers.Optimizer:
    """Returns the config's optimizer with the config's schedule, its rate times `factor`.

    In a run of several periods the schedule is that of the first.
    """
    lengths = periods(config)
    first = lengths[0] if lengths else config.total_epochs
    offered = {**config.optimizer, "total_epochs": first, "clock": clock}
    name, schedule = offered.pop("name"), offered.pop("schedule")
    offered["learning_rate"] *= factor
    arguments = _taken(learning_rate.RATES.factory(schedule), offered)
    rate = learning_rate.get(schedule, **arguments)
    offered["learning_rate"] = in_periods(rate, lengths, clock=clock)
    return optimizer.get(name, **_taken(optimizer.OPTIMIZERS.factory(name), offered))


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


def _augmentation(config: ConfigDict) -> data.Augmentation | None:
    """Returns what the catalog says of the dataset, or None where the config wants none."""
    return data.get(config.name).augment if config.augment else None
