"""What a Dynamic training step costs beside the gradients that it cannot do without.

    python -m benchmarks.step --networks=mnist_cnn,cifar_cnn --mnist_npz=mnist.npz

For each network the table shows, on one batch and in one process:

* plain gradient: one compiled function with the gradient of the summed cross-entropy with respect
  to the whole batch, the network called in evaluation mode, and nothing else;
* bare gradient: the same with the network's batch norms folded, as attacks have them: the least
  that a gradient can cost here, and what the ratios are to;
* bare update: one compiled function with the gradient of the mean cross-entropy with respect to
  the weights, in training mode, and the optimizer's step;
* PGD-10 as users call it, checks of its input included; its ratio is to ten bare gradients;
* Dynamic at several thresholds c_t: one step of `AdversarialTrainer` through the very function
  that `fit` calls, metrics and input pipeline included; its ratio is to G bare gradients and one
  bare update, G being the gradients per example that this step spent.

How it measures: the network is first trained for a while against a weak attack, because FOSC of an
untrained network is near 0 everywhere and would stop all examples at once. Then everything above
runs once a round, in another order each round, and every ratio is formed within a round, so that a
machine that is slow for a while is slow for both sides. Weights, batch-norm statistics and
optimizer are put back before each run, so every round sees the same network and G stays the same.
Shown are medians over the rounds and, in brackets, the quartiles. The first rounds, in which
TensorFlow compiles, are thrown away. Where other programs share the machine, `--clock=cpu` counts
the seconds of this process on all cores, which they hardly change.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator

import keras
import numpy as np
import rich.console
import rich.table
import tensorflow as tf

import fosc_tf
from benchmarks.images import images
from benchmarks.spread import spread
from fosc_tf.attacks import PGD
from fosc_tf.models.folding import folded
from fosc_tf.objectives import cross_entropy

DATA = {"mnist_cnn": ("mnist", 0.3), "cifar_cnn": ("cifar10", 8 / 255)}
"""Data set and epsilon of each network (Wang et al. 2019, section 5.1)."""
THRESHOLDS = (0.5, 0.3, 0.1, 0.0)
NUM_STEPS = 10
LESSONS = 1000
"""Steps over which the measured trainer's threshold falls from the highest to 0."""
CLOCKS = {"cpu": time.process_time, "wall": time.perf_counter}

Run = Callable[[], float]
"""Runs once and returns the gradients per example that it spent."""


class Subject:
    """One network, warmed up, and everything that is run on it.

    Args:
        name: a key of `DATA`.
        npz: file of its data set, "" for enlarged digits.
        batch: examples in the batch.
        warm_up: weight updates before measuring.
    """

    def __init__(self, name: str, npz: str, batch: int, warm_up: int) -> None:
        data_name, self.epsilon = DATA[name]
        self.image_all, self.label_all = images(data_name, npz)
        self.batch = batch
        # Few updates must do: with Keras' 0.99 the statistics would still be those of the start.
        self.network = fosc_tf.models.get(
            name,
            input_shape=self.image_all.shape[1:],
            num_classes=10,
            batch_norm_momentum=0.9,
        )
        self.warm_up(warm_up)
        self.image = tf.constant(self.image_all[:batch])
        self.label = tf.constant(self.label_all[:batch])
        self.trainer = self._dynamic()
        self.runs: dict[str, Run] = {
            "plain gradient": self._gradient(self.network),
            "bare gradient": self._gradient(folded(self.network)),
            "bare update": self._update(),
            f"PGD-{NUM_STEPS}": self._pgd(),
        } | {f"Dynamic, c_t = {c_t:g}": self._step(c_t) for c_t in THRESHOLDS}
        self._kept = [variable.numpy() for variable in self._variables()]

    def warm_up(self, updates: int) -> None:
        """Trains against FGSM from a random start, the cheapest attack that gives robust FOSC."""
        attack = PGD(epsilon=self.epsilon, step_size=1.25 * self.epsilon, num_steps=1)
        defense = fosc_tf.types.Defense(attack, fosc_tf.objectives.adversarial)
        trainer = fosc_tf.AdversarialTrainer(self.network, defense, fosc_every=0)
        trainer.compile(optimizer=keras.optimizers.SGD(0.05, momentum=0.9))
        dataset = fosc_tf.data.train_batches(
            self.image_all, self.label_all, batch_size=self.batch, seed=0, augment=None
        )
        trainer.fit(dataset.take(updates), verbose=0)

    def restore(self) -> None:
        """Puts every variable back to where it was before the first measurement."""
        for variable, value in zip(self._variables(), self._kept, strict=True):
            variable.assign(value)

    def _variables(self) -> list:
        return [*self.network.variables, *self.trainer.optimizer.variables]

    def _gradient(self, network: Callable[..., tf.Tensor]) -> Run:
        @tf.function(autograph=False)
        def gradient() -> tf.Tensor:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(self.image)
                logits = network(self.image, training=False)
                loss = tf.reduce_sum(cross_entropy(logits, self.label))
            return tape.gradient(loss, self.image)

        return lambda: (gradient().numpy(), 1.0)[1]

    def _update(self) -> Run:
        optimizer, variables = self.trainer.optimizer, self.network.trainable_variables

        @tf.function(autograph=False)
        def update() -> tf.Tensor:
            with tf.GradientTape() as tape:
                logits = self.network(self.image, training=True)
                loss = tf.reduce_mean(cross_entropy(logits, self.label))
            gradients = tape.gradient(loss, variables)
            optimizer.apply_gradients(zip(gradients, variables, strict=True))
            return loss

        return lambda: (update().numpy(), 0.0)[1]

    def _pgd(self) -> Run:
        attack = PGD(epsilon=self.epsilon, step_size=self.epsilon / 4, num_steps=NUM_STEPS)
        return lambda: float(
            np.mean(attack(self.network, self.image, self.label).num_gradients.numpy())
        )

    def _dynamic(self) -> fosc_tf.AdversarialTrainer:
        defense = fosc_tf.defenses.get(
            "dynamic",
            epsilon=self.epsilon,
            steps_per_epoch=1,
            c_max=max(THRESHOLDS),
            control_epochs=LESSONS,
            num_steps=NUM_STEPS,
        )
        trainer = fosc_tf.AdversarialTrainer(self.network, defense, fosc_every=0)
        trainer.compile(optimizer=keras.optimizers.SGD(0.01, momentum=0.9))
        trainer.optimizer.build(self.network.trainable_variables)
        trainer.make_train_function()
        return trainer

    def _step(self, c_t: float) -> Run:
        dataset = tf.data.Dataset.from_tensors((self.image, self.label)).repeat()
        iterator = iter(self.trainer.distribute_strategy.experimental_distribute_dataset(dataset))
        lesson = round(LESSONS * (1 - c_t / max(THRESHOLDS)))

        def step() -> float:
            # The threshold is a function of the step, and so chosen by it.
            self.trainer.batches_seen.assign(lesson)
            self.trainer.reset_metrics()
            return float(self.trainer.train_function(iterator)["gradients"].numpy())

        return step


def in_rounds(
    runs: dict[str, Run],
    restore: Callable[[], None],
    rounds: int,
    discarded: int,
    clock: Callable[[], float],
) -> Iterator[tuple[dict[str, float], dict[str, float]]]:
    """Yields seconds and gradients of each run by name, of every round but the first ones."""
    shuffled = random.Random(0)
    for number in range(discarded + rounds):
        seconds, gradients = {}, {}
        for name in shuffled.sample(list(runs), len(runs)):
            restore()
            began = clock()
            gradients[name] = runs[name]()
            seconds[name] = clock() - began
        if number >= discarded:
            yield seconds, gradients


def measure(
    subject: Subject, rounds: int, discarded: int, clock: Callable[[], float]
) -> dict[str, dict[str, list[float]]]:
    """Returns seconds and gradients of each run, and its ratio in each round, by the run's name."""
    rows: dict[str, dict[str, list[float]]] = {
        name: {"seconds": [], "gradients": [], "ratio": []} for name in subject.runs
    }
    for seconds, gradients in in_rounds(subject.runs, subject.restore, rounds, discarded, clock):
        for name in subject.runs:
            needed = gradients[name] * seconds["bare gradient"]
            if not name.startswith(("PGD", "plain")):
                needed += seconds["bare update"]
            rows[name]["seconds"].append(seconds[name])
            rows[name]["gradients"].append(gradients[name])
            rows[name]["ratio"].append(seconds[name] / needed)
    return rows


def table(name: str, subject: Subject, rows: dict[str, dict[str, list[float]]]) -> rich.table.Table:
    """Returns the table of one network."""
    rounds = len(rows["bare gradient"]["seconds"])
    result = rich.table.Table(title=f"{name}, batch {subject.batch}, median of {rounds} rounds")
    for column in ("", "ms", "images/s", "gradients", "ratio"):
        result.add_column(column, justify="right" if column else "left", no_wrap=True)
    for run, row in rows.items():
        milliseconds = [1000 * value for value in row["seconds"]]
        speed = [subject.batch / value for value in row["seconds"]]
        is_part = run.startswith("bare")
        result.add_row(
            run,
            spread(milliseconds, ".0f"),
            spread(speed, ".0f"),
            "" if is_part else f"{statistics.median(row['gradients']):.2f}",
            "" if is_part else spread(row["ratio"], ".3f"),
        )
    return result


def arguments(description: str, *, rounds: int, discarded: int) -> argparse.ArgumentParser:
    """Returns the flags of a benchmark that runs networks of `DATA` in rounds."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--networks", default="mnist_cnn,cifar_cnn", help="comma-separated")
    parser.add_argument("--rounds", type=int, default=rounds, help="rounds that are measured")
    parser.add_argument("--discarded", type=int, default=discarded, help="rounds before them")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--mnist_npz", default="", help="MNIST as Keras stores it")
    parser.add_argument("--cifar_npz", default="", help="CIFAR-10 in the same layout")
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall")
    return parser


def main() -> None:
    """Measures the networks asked for and prints a table for each."""
    parser = arguments(__doc__.split("\n")[0], rounds=20, discarded=3)
    parser.add_argument("--warm_up", type=int, default=150, help="weight updates before measuring")
    flags = parser.parse_args()
    for name in flags.networks.split(","):
        npz = {"mnist_cnn": flags.mnist_npz, "cifar_cnn": flags.cifar_npz}[name]
        subject = Subject(name, npz, flags.batch, flags.warm_up)
        rows = measure(subject, flags.rounds, flags.discarded, CLOCKS[flags.clock])
        rich.console.Console(width=100).print(table(name, subject, rows))


if __name__ == "__main__":
    main()
