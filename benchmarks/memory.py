"""Whether training grows: resident memory of a Dynamic run on the digits, for 1,000 steps.

    python -m benchmarks.memory

One `fit` over many epochs of the embedded digits, threshold falling from epoch to epoch, so that
the attack sees many numbers of active examples. Shown is the peak of resident memory since the
process began, in MiB, after 100, 500 and 1,000 steps. Some growth that dies away is expected:
kernels are prepared for each batch size when it first occurs. The command fails when the peak
rises by more than `--limit` MiB from the first row to the last, 16 KiB a step or so.
"""

from __future__ import annotations

import argparse
import resource
import sys

import keras
import rich.console
import rich.table

import fosc_tf

STEPS = (100, 500, 1000)
BATCH = 128


class PeakMemory(keras.callbacks.Callback):
    """Notes the peak of resident memory, in MiB, after each of `STEPS` weight updates."""

    def __init__(self) -> None:
        super().__init__()
        self.done = 0
        self.peak: dict[int, float] = {}

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Counts the step."""
        self.done += 1
        if self.done in STEPS:
            self.peak[self.done] = peak_memory()


def peak_memory() -> float:
    """Returns the highest resident memory that this process has had, in MiB."""
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest / (2**20 if sys.platform == "darwin" else 2**10)  # bytes there, KiB elsewhere


def train() -> dict[int, float]:
    """Trains on the digits and returns the peak by the number of steps."""
    arrays = fosc_tf.data.load("digits")
    steps_per_epoch = len(arrays.x_train) // BATCH
    epochs = -(-STEPS[-1] // steps_per_epoch)
    network = fosc_tf.models.get("digits_cnn", input_shape=(8, 8, 1), num_classes=10)
    defense = fosc_tf.defenses.get(
        "dynamic", epsilon=0.2, steps_per_epoch=steps_per_epoch, control_epochs=epochs
    )
    trainer = fosc_tf.AdversarialTrainer(network, defense)
    trainer.compile(optimizer=keras.optimizers.SGD(0.05, momentum=0.9))
    batches = fosc_tf.data.train_batches(
        arrays.x_train, arrays.y_train, batch_size=BATCH, seed=0, augment=None, epochs=epochs
    )
    peaks = PeakMemory()
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
    flags = parser.parse_args()
    peak = train()
    table = rich.table.Table(title="Dynamic on digits")
    table.add_column("steps", justify="right")
    table.add_column("peak resident memory, MiB", justify="right")
    for steps, value in peak.items():
        table.add_row(f"{steps:,}", f"{value:.0f}")
    rich.console.Console().print(table)
    growth = peak[STEPS[-1]] - peak[STEPS[0]]
    if growth > flags.limit:
        raise SystemExit(f"memory grew by {growth:.0f} MiB, more than {flags.limit:g}")


if __name__ == "__main__":
    main()
