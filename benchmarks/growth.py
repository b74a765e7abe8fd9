"""How the time of an epoch grows with what a run is made of.

    python -m benchmarks.growth --mnist_npz=mnist.npz

PGD training (no gate: every example takes K steps) of mnist_cnn, and for the width of
wide_resnet-10, from one base setting in which one number changes at a time. Times are the fastest
of `--rounds` epochs after one in which TensorFlow compiles; see `benchmarks.step` for `--clock`.
The exponent b of time ~ number ** b is the slope of the least-squares line through the logarithms:
1 is linear.

With more examples a batch an epoch has fewer steps: b near 0 there means that a step is linear in
the batch. A convolution has as many products as its filters times its channels, so the width should
tend to 2 where it decides the time.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import keras
import numpy as np
import rich.console
import rich.table
from scipy import stats

import fosc_tf
from benchmarks.images import images
from benchmarks.step import CLOCKS

BASE = {"steps K": 10, "batch": 128, "examples": 1024}
VALUES = {
    "steps K": (1, 2, 5, 10, 20, 40),
    "batch": (32, 64, 128, 256),
    "examples": (512, 1024, 2048, 4096),
}
WIDTHS = (1, 2, 4)


def seconds(
    network: keras.Model,
    npz: str,
    setting: dict[str, int],
    rounds: int,
    clock: Callable[[], float],
) -> float:
    """Returns the time of the fastest epoch of PGD training."""
    image, label = images("mnist", npz)
    count = setting["examples"]
    # Enlarged digits are fewer than some settings want: they come again.
    rows = np.arange(count) % len(image)
    batches = fosc_tf.data.train_batches(
        image[rows], label[rows], batch_size=setting["batch"], seed=0, augment=None
    )
    defense = fosc_tf.defenses.get("standard", epsilon=0.3, num_steps=setting["steps K"])
    trainer = fosc_tf.AdversarialTrainer(network, defense, fosc_every=0)
    trainer.compile(optimizer=keras.optimizers.SGD(0.01, momentum=0.9))
    found = []
    for _ in range(rounds + 1):
        began = clock()
        trainer.fit(batches.take(count // setting["batch"]), verbose=0)
        found.append(clock() - began)
    return min(found[1:])


def small() -> keras.Model:
    """Returns a fresh mnist_cnn."""
    return fosc_tf.models.get("mnist_cnn", input_shape=(28, 28, 1), num_classes=10)


def wide(width: int) -> keras.Model:
    """Returns a fresh wide_resnet of depth 10."""
    return fosc_tf.models.get(
        "wide_resnet", input_shape=(28, 28, 1), num_classes=10, depth=10, width=width
    )


def main() -> None:
    """Prints times and exponents."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mnist_npz", default="", help="MNIST as Keras stores it")
    parser.add_argument("--rounds", type=int, default=3, help="epochs, of which the fastest counts")
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall")
    flags = parser.parse_args()
    how = (flags.rounds, CLOCKS[flags.clock])
    table = rich.table.Table("", "values", "seconds of an epoch", "exponent")
    for name, values in VALUES.items():
        found = [seconds(small(), flags.mnist_npz, BASE | {name: value}, *how) for value in values]
        table.add_row(name, *_cells(values, found))
    setting = {"steps K": 2, "batch": 64, "examples": 128}
    found = [seconds(wide(width), flags.mnist_npz, setting, *how) for width in WIDTHS]
    table.add_row("width", *_cells(WIDTHS, found))
    rich.console.Console(width=100).print(table)


def _cells(values: tuple[int, ...], found: list[float]) -> tuple[str, str, str]:
    slope = stats.linregress(np.log(values), np.log(found)).slope
    times = ", ".join(f"{one:.2f}" for one in found)
    return ", ".join(map(str, values)), times, f"{slope:.2f}"


if __name__ == "__main__":
    main()
