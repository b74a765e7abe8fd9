"""What a run says before it trains: on what, which network, how, where, and from where on.

for line in lines(experiment, folder): print(line)
"""

from __future__ import annotations

import pathlib

import tensorflow as tf

from fosc_tf import build
from fosc_tf.memory import Memory
from fosc_tf.readable import amount
from fosc_tf.training.checkpoints import step_of_last


def lines(experiment: build.Experiment, folder: pathlib.Path) -> list[str]:
    """Returns a line each on data, network, defense, memory, device and work folder."""
    config, arrays = experiment.config, experiment.arrays
    height, width, channels = arrays.x_train.shape[1:]
    trained, held_out = len(experiment.train.image), len(experiment.held_out.image)
    chosen = f", {held_out:,} held out" if held_out else ""
    if experiment.extra is not None:
        chosen += f", {len(experiment.extra.image):,} extra"
    weights = sum(int(tf.size(each)) for each in experiment.trainer.network.trainable_variables)
    defense = config.defense
    how = defense.name
    if "epsilon" in defense:
        how += f", {defense.get('norm', 'linf')} epsilon {defense.epsilon:.4g}"
        if experiment.trainer.defense.attack is not None:
            steps = amount(defense.num_steps, "step") if "num_steps" in defense else "a step"
            how += f", {steps}"
        length = defense.get("step_size")
        how += "" if length is None else f" of {length:.4g}"
    memory = experiment.trainer.defense.memory
    kept = [] if memory is None else [f"memory:   {_size(memory)}"]
    return [
        f"data:     {config.data.name}, {trained:,} training images{chosen}, "
        f"{len(arrays.x_test):,} test images",
        f"network:  {config.model.name}, {weights:,} parameters, "
        f"{height}x{width}x{channels} pixels",
        f"defense:  {how}",
        *kept,
        f"device:   {_devices(experiment)}",
        f"folder:   {folder}, {_place(experiment, folder)}",
    ]


def _size(memory: Memory) -> str:
    return (
        f"{memory.num_examples:,} examples, {memory.bytes() / 1e6:,.1f} MB, "
        "in every checkpoint as well"
    )


def _devices(experiment: build.Experiment) -> str:
    replicas = experiment.trainer.distribute_strategy.num_replicas_in_sync
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    of_threads = f", {threads} threads" if kind == "CPU" and threads else ""
    return f"{replicas} replicas, {kind}" if replicas > 1 else f"{kind}{of_threads}"


def _place(experiment: build.Experiment, folder: pathlib.Path) -> str:
    step = step_of_last(folder / "checkpoints")
    if not step:
        return "new"
    epoch, position = divmod(step, experiment.steps_per_epoch)
    if epoch >= experiment.epochs:
        return "trained already"
    behind = f", {position} of {experiment.steps_per_epoch} batches in" if position else ""
    return f"goes on with epoch {epoch + 1}{behind}"
