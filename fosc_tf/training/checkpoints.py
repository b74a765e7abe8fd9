"""Checkpoints of a run: whole, atomic, the last k kept, and the best network beside them.

checkpoints = Checkpoints(folder, trainer, ledger, keep=3)
checkpoints.restore()      # True when there was one
checkpoints.save()
"""

from __future__ import annotations

import pathlib
import re
import shutil
from typing import Any

import keras
import tensorflow as tf
from absl import logging

from fosc_tf.errors import UserError, cannot_write, visible
from fosc_tf.training.distribution import another_is_gone
from fosc_tf.training.ledger import Ledger
from fosc_tf.training.trainer import AdversarialTrainer

BEST, AVERAGE, ENSEMBLE = "best", "ema", "ensemble"
"""The folders of networks that are kept alone, and what results call them; that of the
ensemble has a folder for each member."""
_NAME = re.compile(r"step-(\d+)")


class Checkpoints:
    """Saves and restores a compiled trainer: network, optimizer, running means, defense, ledger.

    TensorFlow writes a checkpoint's data, then its index; older ones go only after that. A run
    killed while saving finds at worst an index cut short, passes it over and takes the one before.

    Args:
        folder: made when first needed.
        trainer: compiled, its optimizer built.
        ledger: Python values to save along.
        keep: how many of the newest to keep, at least 1.
    """

    def __init__(
        self, folder: pathlib.Path, trainer: AdversarialTrainer, ledger: Ledger, keep: int
    ) -> None:
        self.folder, self.trainer = folder, trainer
        content = {name: _values(variables) for name, variables in trainer.state.items()}
        self._all = tf.train.Checkpoint(ledger=ledger, **content)
        self._manager = tf.train.CheckpointManager(
            self._all, str(folder), max_to_keep=keep, checkpoint_name="step"
        )
        self._best = self._alone(BEST, content["network"])

    def _alone(self, name: str, network: list[tf.Variable]) -> tf.train.CheckpointManager:
        """Returns who keeps one network without anything else, in a folder of that name."""
        return tf.train.CheckpointManager(
            tf.train.Checkpoint(network=network),
            str(self.folder / name),
            max_to_keep=1,
            checkpoint_name="step",
        )

    def save(self) -> None:
        """Saves everything under the number of the step.

        Raises:
            UserError: the disk is full or cannot be written; the checkpoints before survive.
        """
        self._write(self._manager)

    def save_best(self) -> None:
        """Saves the network alone as the best so far; the one before goes after it is written."""
        self._write(self._best)

    def save_member(self, number: int) -> None:
        """Saves the network alone as a member of the run's ensemble.

        Args:
            number: of the member, from 0 on.
        """
        self._write(self._alone(f"{ENSEMBLE}/{number}", _values(self.trainer.network.variables)))

    def save_average(self, network: keras.Model) -> None:
        """Saves a network of averaged weights as the run's `ema`."""
        self._write(self._alone(AVERAGE, _values(network.variables)))

    def restore(self, folder: pathlib.Path | None = None) -> bool:
        """Restores the newest checkpoint that is whole; returns False when there is none at all.

        A damaged one is reported and the one before it is used.

        Args:
            folder: where to look; None is where they are saved.

        Raises:
            UserError: there are checkpoints and every one is damaged.
        """
        folder = self.folder if folder is None else folder
        paths = newest_first(folder)
        for path in paths:
            if _restore(self._all, path):
                return True
        if paths:
            raise all_damaged(folder)
        return False

    def _write(self, manager: tf.train.CheckpointManager) -> None:
        _write(manager, self.trainer.step)


class Good:
    """Keeps the last good state of a training in a folder; see `callbacks.CollapseMonitor`.

    Args:
        folder: made when first needed.
        trainer: compiled, its optimizer built.
    """

    def __init__(self, folder: pathlib.Path, trainer: AdversarialTrainer) -> None:
        self._trainer = trainer
        self._manager = tf.train.CheckpointManager(
            tf.train.Checkpoint(state=_values(to_undo(trainer))),
            str(folder),
            max_to_keep=1,
            checkpoint_name="step",
        )

    @property
    def empty(self) -> bool:
        """Whether nothing has been kept so far."""
        return not newest_first(pathlib.Path(self._manager.directory))

    def save(self) -> None:
        """Keeps the state as it is.

        Raises:
            UserError: the disk is full or cannot be written; what was kept before survives.
        """
        _write(self._manager, self._trainer.step)

    def restore(self) -> None:
        """Puts back what was kept last.

        Raises:
            UserError: none of it can be read.
        """
        folder = pathlib.Path(self._manager.directory)
        if not any(_restore(self._manager.checkpoint, path) for path in newest_first(folder)):
            raise all_damaged(folder)


def to_undo(trainer: AdversarialTrainer) -> list[keras.Variable]:
    """Returns what goes back with a training, but for the clocks of defense and learning rate."""
    optimizers = [trainer.optimizer, getattr(trainer.optimizer, "inner_optimizer", None)]
    clocks = {id(each.iterations) for each in optimizers if each is not None}
    parts = ("network", "optimizer", "memory", "average", "own")
    state = trainer.state
    found = [variable for part in parts for variable in state[part]]
    return [variable for variable in found if id(variable) not in clocks]


def restore_last(folder: pathlib.Path, network: keras.Model) -> int:
    """Fills `network` with the weights of the last whole checkpoint in `folder`.

    Returns:
        The step they are from, 0 when there is none.
    """
    checkpoint = tf.train.Checkpoint(network=_values(network.variables))
    whole = (path for path in newest_first(folder) if _restore(checkpoint, path))
    return _step(next(whole, "step-0"))


def step_of_last(folder: pathlib.Path) -> int:
    """Returns the step of the newest checkpoint under `folder`, 0 without any."""
    paths = newest_first(folder)
    return _step(paths[0]) if paths else 0


def all_damaged(folder: pathlib.Path) -> UserError:
    """Returns the error for a folder that has checkpoints of which none can be read."""
    return UserError(
        "a work folder's checkpoints must be readable to go on from them",
        "an undamaged checkpoint, or an empty work folder to start anew",
        f"{len(newest_first(folder))} damaged checkpoints in {folder}",
    )


def _write(manager: tf.train.CheckpointManager, step: int) -> None:
    try:
        manager.save(checkpoint_number=step)
    except (tf.errors.OpError, OSError) as error:
        if another_is_gone(error):
            raise
        raise cannot_write(manager.directory, error) from error
    _sweep(pathlib.Path(manager.directory), {pathlib.Path(p).name for p in manager.checkpoints})


def _restore(checkpoint: tf.train.Checkpoint, path: str) -> bool:
    try:
        status = checkpoint.read(path).expect_partial()
        status.assert_existing_objects_matched()
    except Exception as error:  # the reader has no common class for what damage makes it raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        logging.error("Checkpoint %s is damaged and passed over: %s", visible(str(path)), reason)
        return False
    return True


def _sweep(folder: pathlib.Path, kept: set[str]) -> None:
    """Removes what a run that was killed while saving left behind: the manager never would."""
    for path in newest_first(folder):
        if pathlib.Path(path).name not in kept:
            for file in folder.glob(f"{pathlib.Path(path).name}.*"):
                file.unlink()
    for unfinished in folder.glob("step-*_temp"):
        if _NAME.fullmatch(unfinished.name.removesuffix("_temp")):
            shutil.rmtree(unfinished, ignore_errors=True)


def newest_first(folder: pathlib.Path) -> list[str]:
    """Returns the paths of the checkpoints in `folder`, damaged ones among them."""
    paths = [file.with_suffix("") for file in folder.glob("step-*.index")]
    ours = [str(path) for path in paths if _NAME.fullmatch(path.name)]
    return sorted(ours, key=_step, reverse=True)


def _step(path: str) -> int:
    return int(_NAME.fullmatch(pathlib.Path(path).name)[1])


def _values(variables: Any) -> Any:
    """Returns TensorFlow's variables for Keras', in a list or in a dict of lists."""
    if isinstance(variables, dict):
        return {name: _values(each) for name, each in variables.items()}
    return [variable._value if hasattr(variable, "_value") else variable for variable in variables]
