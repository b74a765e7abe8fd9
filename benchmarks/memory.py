"""Whether training grows: resident memory of Dynamic training, and how much it takes.

    python -m benchmarks.memory
    python -m benchmarks.memory --subject=cifar --npz=cifar10.npz

One `fit` over many epochs, threshold falling from epoch to epoch, so that the attack sees many
numbers of active examples: 1,000 steps on the embedded digits, or 40 of the paper's CIFAR-10
network. Shown is the peak of resident memory since the process began, in MiB, on the way. Some
growth that dies away is expected: kernels are prepared for each batch size when it first occurs.
The command fails when the peak rises by more than `--limit` MiB from the first row to the last.
"""

from __future__ import annotations

import argparse
import resource
import sys
from typing import NamedTuple

import keras
import rich.console
import rich.table

import fosc_tf
from benchmarks.images import images

BATCH = 128


class Subject(NamedTuple):
    """What is trained, and after how many weight updates memory is looked at."""

    data: str
    network: str
    epsilon: float
    steps: tuple[int, ...]


SUBJECTS = {
    "digits": Subject("digits", "digits_cnn", 0.2, (100, 500, 1000)),
    "cifar": Subject("cifar10", "cifar_cnn", 8 / 255, (10, 20, 40)),
}


class PeakMemory(keras.callbacks.Callback):
    """Notes the peak of resident memory, in MiB, after each of `steps` weight updates."""

    def __init__(self, steps: tuple[int, ...]) -> None:
        super().__init__()
        self.steps, self.done = steps, 0
        self.peak: dict[int, float] = {}

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Counts the step."""
        self.done += 1
        if self.done in self.steps:
            self.peak[self.done] = peak_memory()


def peak_memory() -> float:
    """Returns the highest resident memory that this process has had, in MiB."""
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest / (2**20 if sys.platform == "darwin" else 2**10)  # bytes there, KiB elsewhere


def train(subject: Subject, npz: str) -> dict[int, float]:
    """Trains and returns the peak by the number of steps."""
    image, label = images(subject.data, npz)
    steps_per_epoch = min(len(image) // BATCH, subject.steps[-1] // 4)
    epochs = -(-subject.steps[-1] // steps_per_epoch)
    network = fosc_tf.models.get(subject.network, input_shape=image.shape[1:], num_classes=10)
    defense = fosc_tf.defenses.get(
        "dynamic",
        epsilon=subject.epsilon,
        steps_per_epoch=steps_per_epoch,
        control_epochs=max(epochs - 1, 1),
    )
    trainer = fosc_tf.AdversarialTrainer(network, defense)
    trainer.compile(optimizer=keras.optimizers.SGD(0.05, momentum=0.9))
    batches = fosc_tf.data.train_batches(image, label, batch_size=BATCH, seed=0, augment=None)
    peaks = PeakMemory(subject.steps)
    trainer.fit(
        batches,
        epochs=epochs,
        steps_per_epoch=steps_per_epoch,
        callbacks=[peaks],
        verbose=0,
    )
    return peaks.peak


def main() -> None:
    """Prints the table; exits with 1 when memory grew."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--limit", type=float, default=16.0, help="MiB of growth that are let pass")
    parser.add_argument("--subject", choices=sorted(SUBJECTS), default="digits")
    parser.add_argument("--npz", default="", help="the data set as Keras stores it")
    flags = parser.parse_args()
    subject = SUBJECTS[flags.subject]
    peak = train(subject, flags.npz)
    table = rich.table.Table(title=f"Dynamic training of {subject.network}")
    table.add_column("steps", justify="right")
    table.add_column("peak resident memory, MiB", justify="right")
    for steps, value in peak.items():
        table.add_row(f"{steps:,}", f"{value:.0f}")
    rich.console.Console().print(table)
    growth = peak[subject.steps[-1]] - peak[subject.steps[0]]
    if growth > flags.limit:
        raise SystemExit(f"memory grew by {growth:.0f} MiB, more than {flags.limit:g}")


if __name__ == "__main__":
    main()
