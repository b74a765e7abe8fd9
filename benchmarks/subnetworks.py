"""What a training step of scores costs beside one of the same network's weights, and a file's bits.

    python -m benchmarks.subnetworks --networks=mnist_cnn,cifar_cnn --rates=0.9,0.99

For each network and rate: a step of `AdversarialTrainer` on one batch, standard training by
PGD-10, through the function that `fit` calls, of the masked network over that of the network it was
made of. Both run once a round, in turns who is first; the ratio is formed within a round. The first
round, in which TensorFlow compiles, is thrown away. Shown are medians and, in brackets, quartiles,
of the seconds of this process on all cores.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import keras
import rich.console
import rich.table
import tensorflow as tf

import fosc_tf
from benchmarks.images import images
from benchmarks.spread import spread
from fosc_tf import subnetworks

DATA = {"mnist_cnn": ("mnist", 0.3), "cifar_cnn": ("cifar10", 8 / 255)}
DATA |= {"resnet34": DATA["cifar_cnn"]}
"""Data set and epsilon of each network."""


def step(network: keras.Model, epsilon: float, image: tf.Tensor, label: tf.Tensor) -> Callable:
    """Returns what trains one step and says how many seconds of all cores it took."""
    defense = fosc_tf.defenses.get("standard", epsilon=epsilon, step_size=epsilon / 4)
    trainer = fosc_tf.AdversarialTrainer(network, defense, fosc_every=0)
    trainer.compile(optimizer=keras.optimizers.SGD(0.01, momentum=0.9))
    dataset = tf.data.Dataset.from_tensors((image, label)).repeat()
    trainer.fit(dataset.take(1), verbose=0)  # builds everything
    trainer.make_train_function()
    iterator = iter(dataset)

    def timed() -> float:
        begin = time.process_time()
        keras.tree.map_structure(float, trainer.train_function(iterator))
        return time.process_time() - begin

    return timed


def rows_of(name: str, rates: list[float], batch: int, rounds: int) -> list[list[str]]:
    """Returns a row of the table for each rate."""
    data, epsilon = DATA[name]
    image, label = (tf.constant(each[:batch]) for each in images(data))
    rows = []
    for rate in rates:
        network = fosc_tf.models.get(
            name, input_shape=image.shape[1:], num_classes=10, batch_norm_momentum=0.9
        )
        masked = subnetworks.masked(network, rate=rate)
        runs = [step(each, epsilon, image, label) for each in (network, masked)]
        found = []
        for number in range(rounds + 1):
            turn = (0, 1) if number % 2 else (1, 0)
            seconds = {place: runs[place]() for place in turn}
            found.append((seconds[0], seconds[1]))
        found = found[1:]
        total = subnetworks.sizes(masked)[-1]
        rows.append(
            [
                name,
                f"{rate:g}",
                f"{1e3 * statistics.median(one for one, _ in found):,.0f} ms",
                spread([other / one for one, other in found], ".2f"),
                f"{total['weight_bits'] / total['kept']:.2f}",
                f"{total['mask_bits'] / total['kept']:.2f}",
                f"{8 * total['file_bytes'] / total['kept']:.2f}",
            ]
        )
    return rows


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default="mnist_cnn")
    parser.add_argument("--rates", default="0.5,0.9,0.99")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    table = rich.table.Table(
        title="A step of scores over a step of weights, and bits a kept weight"
    )
    for head in ("network", "rate", "step of weights", "ratio", "weights", "masks", "whole file"):
        table.add_column(head, justify="right")
    for name in given.networks.split(","):
        rates = [float(rate) for rate in given.rates.split(",")]
        for row in rows_of(name, rates, given.batch, given.rounds):
            table.add_row(*row)
    rich.console.Console(width=120).print(table)


if __name__ == "__main__":
    main()
