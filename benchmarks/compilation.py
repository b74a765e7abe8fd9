"""What bfloat16 layers and XLA do to the time of a training step.

    python -m benchmarks.compilation --networks=mnist_cnn,cifar_cnn --mnist_npz=mnist.npz

One step of Standard training (PGD-10 on one batch, then the weight update) with each combination of
`config.precision` and `config.jit_compile`. Images, logits and gradients are float32 in all of
them, whatever the layers between compute in. Dynamic training is not among them: XLA compiles
batches of one size only. Every round runs each combination once, in another order each time; a
ratio is a combination's time over that of float32 without XLA in the same round: below 1 it is
faster. Shown are medians and quartiles; the first rounds, in which TensorFlow compiles, are thrown
away. What both do to accuracy: `configs/sweeps.py:compilation`.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import keras
import rich.console
import rich.table
import tensorflow as tf

import fosc_tf
from benchmarks.images import images
from benchmarks.spread import spread
from benchmarks.step import CLOCKS, DATA, arguments
from fosc_tf.config_check import PRECISIONS

Step = Callable[[], None]
VARIANTS = tuple(itertools.product(PRECISIONS, (False, True)))
"""Precision and whether XLA compiles; the first is what the others are compared with."""


def step(name: str, npz: str, batch: int, precision: str, jit_compile: bool) -> Step:
    """Returns one training step of a fresh network."""
    data_name, epsilon = DATA[name]
    image, label = images(data_name, npz)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        network = fosc_tf.models.get(name, input_shape=image.shape[1:], num_classes=10)
    finally:
        keras.config.set_dtype_policy(before)
    trainer = fosc_tf.AdversarialTrainer(
        network, fosc_tf.defenses.get("standard", epsilon=epsilon, num_steps=10), fosc_every=0
    )
    trainer.compile(optimizer=keras.optimizers.SGD(0.01, momentum=0.9), jit_compile=jit_compile)
    trainer.optimizer.build(network.trainable_variables)
    trainer.make_train_function()
    pair = tf.constant(image[:batch]), tf.constant(label[:batch])
    iterator = iter(
        trainer.distribute_strategy.experimental_distribute_dataset(
            tf.data.Dataset.from_tensors(pair).repeat()
        )
    )
    return lambda: trainer.train_function(iterator)["loss"].numpy()


def measure(
    steps: list[Step], rounds: int, discarded: int, clock: Callable[[], float]
) -> list[list[float]]:
    """Returns the seconds of each step in each round, [steps][rounds]."""
    seconds: list[list[float]] = [[] for _ in steps]
    shuffled = random.Random(0)
    for number in range(discarded + rounds):
        for index in shuffled.sample(range(len(steps)), len(steps)):
            began = clock()
            steps[index]()
            if number >= discarded:
                seconds[index].append(clock() - began)
    return seconds


def main() -> None:
    """Measures the networks asked for and prints a table for each."""
    flags = arguments(__doc__.split("\n")[0], rounds=10, discarded=2).parse_args()
    for name in flags.networks.split(","):
        npz = {"mnist_cnn": flags.mnist_npz, "cifar_cnn": flags.cifar_npz}[name]
        steps = [step(name, npz, flags.batch, *variant) for variant in VARIANTS]
        seconds = measure(steps, flags.rounds, flags.discarded, CLOCKS[flags.clock])
        title = f"{name}, batch {flags.batch}, median of {flags.rounds} rounds"
        table = rich.table.Table("precision", "XLA", "ms", "ratio", title=title)
        for (precision, jit_compile), own in zip(VARIANTS, seconds, strict=True):
            ratio = [one / plain for one, plain in zip(own, seconds[0], strict=True)]
            table.add_row(
                precision,
                "yes" if jit_compile else "no",
                spread([1000 * second for second in own], ".0f"),
                spread(ratio, ".2f"),
            )
        rich.console.Console(width=100).print(table)


if __name__ == "__main__":
    main()
