"""What a training step of every defense costs beside what it cannot do without.

    python -m benchmarks.defenses --networks=mnist_cnn --mnist_npz=mnist.npz --clock=cpu

For each network, on one batch and in one process, one step of each registered defense is run
through the very function that `fit` calls, metrics and input pipeline included. Its ratio is to
what it needs, each part of which is measured in the same round as one bare compiled function:

* gradient: of the summed cross-entropy with respect to the batch, in evaluation mode, batch norms
  folded, as attacks have it; as many as the step has counted;
* update: the gradient of the mean cross-entropy with respect to the weights, in training mode, and
  the optimizer's step; one, but for
* Free, which needs m of `joint`: an update whose backward pass also reaches the images;
* YOPO-m-n: m of `pass`, a gradient of weights in training mode without the optimizer's step, one
  optimizer's step, and m * (n + 1) of `first layer`, the gradient of that layer alone;
* GradAlign: its ratio is to one step of Fast;
* TRADES, SAT, MART, IAT and fine-tuning need `two`, an update by two predictions, for `update`, and
  the first two an `answer`, the logits in evaluation mode, IAT three;
* `standard, awp` needs a `pass` more, `standard, average` and `standard, recorded`, by which
  `callbacks.ExampleLosses` takes the losses of the batch, are beside `standard`.

`memory` is the reading and writing of what Dynamic with memory remembers of this batch, of 60,000
examples, beside its whole step. With PyTorch installed (extra `parity`), the same steps of
Standard, Fast and TRADES in plain eager torch stand beside ours. How rounds are made is told in
`benchmarks.step`.
"""

from __future__ import annotations

import dataclasses
import pathlib
import statistics
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import rich.console
import rich.table
import tensorflow as tf

import fosc_tf
from benchmarks.spread import spread
from benchmarks.step import CLOCKS, Run, Subject, arguments, in_rounds
from fosc_tf.models.folding import folded
from fosc_tf.models.split import split
from fosc_tf.objectives import cross_entropy, divergence

try:  # the extra parity; its Triton crashes beside TensorFlow and must not be installed
    import torch

    from benchmarks.torch_copy import torch_copy
except ImportError:
    torch = None

NUM_EXAMPLES = 60000
STEPS_PER_EPOCH, TOTAL_EPOCHS, NOW = 1000, 16, 7
"""The steps are those of epoch 7 of 16: nothing is reset, and what is annealed is half-way."""
FACTS = {
    "steps_per_epoch": STEPS_PER_EPOCH,
    "total_epochs": TOTAL_EPOCHS,
    "control_epochs": TOTAL_EPOCHS,
    "num_examples": NUM_EXAMPLES,
}
PARTS = {
    "awp": lambda: {"perturbation": fosc_tf.training.WeightPerturbation()},
    "average": lambda: {"average": fosc_tf.training.WeightAverage()},
}
"""What goes with every defense, beside Standard."""


class Steps(Subject):
    """A warmed up network, a step of every defense on it, and their bare parts."""

    def __init__(self, name: str, npz: str, batch: int, warm_up: int, chosen: list[str]) -> None:
        super().__init__(name, npz, batch, warm_up)
        self.bare = {
            "gradient": self.runs["bare gradient"],
            "update": self.runs["bare update"],
            "joint": self._backward(images=True, steps=True),
            "pass": self._backward(images=False, steps=False),
            "first layer": self._first_layer(),
            "two": self._two(),
            "answer": self._answer(),
        }
        self.trainers = {each: self._trainer(each) for each in chosen}
        if "standard" in chosen:
            for name, part in PARTS.items():
                self.trainers[f"standard, {name}"] = self._trainer("standard", **part())
        self.runs = {each: self._run(trainer) for each, trainer in self.trainers.items()}
        if "standard" in chosen:
            self.trainers["standard, recorded"] = recorded = self._trainer("standard")
            watcher = fosc_tf.callbacks.ExampleLosses(pathlib.Path("unused"), NUM_EXAMPLES)
            watcher.set_model(recorded)
            self.runs["standard, recorded"] = self._run(recorded, watcher)
        if "dynamic_memory" in chosen:
            self.bare["memory"] = self._memory(self.trainers["dynamic_memory"])
        self._kept = [variable.numpy() for variable in self._variables()]

    def _variables(self) -> list:
        trainers = getattr(self, "trainers", {}).values()
        own = [each for trainer in trainers for each in trainer.optimizer.variables]
        return [*super()._variables(), *own]

    def _backward(self, *, images: bool, steps: bool) -> Run:
        optimizer, variables = self.trainer.optimizer, self.network.trainable_variables

        @tf.function(autograph=False)
        def backward() -> list[tf.Tensor]:
            with tf.GradientTape() as tape:
                tape.watch(self.image)
                logits = self.network(self.image, training=True)
                loss = tf.reduce_mean(cross_entropy(logits, self.label))
            sources = [*variables, *([self.image] if images else [])]
            gradients = tape.gradient(loss, sources)
            if steps:
                pairs = zip(gradients[: len(variables)], variables, strict=True)
                optimizer.apply_gradients(pairs)
            return gradients

        return lambda: (backward()[-1].numpy(), 0.0)[1]

    def _two(self) -> Run:
        optimizer, variables = self.trainer.optimizer, self.network.trainable_variables
        other = tf.reverse(self.image, [0])

        @tf.function(autograph=False)
        def backward() -> tf.Tensor:
            with tf.GradientTape() as tape:
                logits = self.network(self.image, training=True)
                apart = divergence(logits, self.network(other, training=True))
                loss = tf.reduce_mean(cross_entropy(logits, self.label) + apart)
            gradients = tape.gradient(loss, variables)
            optimizer.apply_gradients(zip(gradients, variables, strict=True))
            return loss

        return lambda: (backward().numpy(), 0.0)[1]

    def _answer(self) -> Run:
        evaluated = folded(self.network)

        @tf.function(autograph=False)
        def answer() -> tf.Tensor:
            return evaluated(self.image, training=False)

        return lambda: (answer().numpy(), 0.0)[1]

    def _first_layer(self) -> Run:
        first = split(self.network).first
        upstream = tf.random.normal(tf.shape(first(self.image)), seed=0)

        @tf.function(autograph=False)
        def gradient() -> tf.Tensor:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(self.image)
                rise = tf.reduce_sum(first(self.image) * upstream)
            return tape.gradient(rise, self.image)

        return lambda: (gradient().numpy(), 0.0)[1]

    def _memory(self, trainer: fosc_tf.AdversarialTrainer) -> Run:
        ids = tf.range(self.batch, dtype=tf.int64)
        batch = fosc_tf.types.Batch(self.image, self.label, {"id": ids})
        memory = trainer.defense.memory

        @tf.function(autograph=False)
        def both() -> tf.Tensor:
            found = memory.read(batch)
            memory.write(batch, found)
            return batch.label

        return lambda: (both().numpy(), 0.0)[1]

    def _trainer(self, name: str, **parts: Any) -> fosc_tf.AdversarialTrainer:
        taken = fosc_tf.defenses.factory(name).__kwdefaults__ or {}
        facts = {"batch_size": self.batch} | FACTS
        own = {each: value for each, value in facts.items() if each in taken}
        own |= {} if name == "unsecured" else {"epsilon": self.epsilon}
        defense = dataclasses.replace(fosc_tf.defenses.get(name, **own), **parts)
        trainer = fosc_tf.AdversarialTrainer(self.network, defense, fosc_every=0)
        trainer.compile(optimizer=keras.optimizers.SGD(0.01, momentum=0.9))
        trainer.optimizer.build(self.network.trainable_variables)
        for count in vars(trainer).values():
            if isinstance(count, fosc_tf.training.unrolled.Unrolled):
                trainer.batches_seen.assign(NOW * STEPS_PER_EPOCH)
                count.set_model(trainer)
                count.on_epoch_begin(NOW)
        trainer.make_train_function()
        return trainer

    def _run(self, trainer: fosc_tf.AdversarialTrainer, watcher: Any = None) -> Run:
        ids = tf.range(self.batch, dtype=tf.int64)
        batch = {"image": self.image, "label": self.label, "id": ids}
        dataset = tf.data.Dataset.from_tensors(batch).repeat()
        iterator = iter(trainer.distribute_strategy.experimental_distribute_dataset(dataset))

        def step() -> float:
            trainer.batches_seen.assign(NOW * STEPS_PER_EPOCH)
            trainer.reset_metrics()
            logs = trainer.train_function(iterator)
            if watcher is not None:
                watcher.on_train_batch_end(0, logs)
            return float(logs.get("gradients", tf.zeros([])).numpy())

        return step


def needed(name: str, gradients: float, bare: dict[str, float], steps: dict[str, float]) -> float:
    """Returns the seconds of what a step of this defense cannot do without, in this round."""
    if name == "free":
        return gradients * bare["joint"]
    if name == "yopo":
        inner = fosc_tf.defenses.factory("yopo").__kwdefaults__["num_steps"] + 1
        passes = gradients * (bare["pass"] + inner * bare["first layer"])
        return passes + bare["update"] - bare["pass"]
    if name == "grad_align":
        return steps.get("fast", float("nan"))
    if name in ("standard, average", "standard, recorded"):
        return steps["standard"]
    answers = {"trades": 1, "sat": 1, "iat": 3}.get(name, 0)
    attack = gradients * bare["gradient"] + answers * bare["answer"]
    if name in ("trades", "sat", "mart", "iat", "fine_tuning"):
        return attack + bare["two"]
    return attack + bare["update"] + (bare["pass"] if name == "standard, awp" else 0.0)


def in_torch(network: keras.Model, epsilon: float, image: tf.Tensor, label: tf.Tensor) -> dict:
    """Returns steps of three defenses in plain eager torch, nothing where there is none."""
    if torch is None:
        return {}
    torch.set_num_threads(tf.config.threading.get_intra_op_parallelism_threads() or 2)
    x = torch.from_numpy(np.ascontiguousarray(image.numpy().transpose(0, 3, 1, 2)))
    y = torch.from_numpy(label.numpy().astype("int64"))
    loss = torch.nn.functional.cross_entropy

    def trades() -> Run:
        copy, logs = torch_copy(network), torch.nn.functional.log_softmax
        optimizer = torch.optim.SGD(copy.parameters(), 0.01, momentum=0.9)

        def apart(clean: Any, there: Any) -> Any:
            return (clean.exp() * (clean - there)).sum()

        def run() -> float:
            copy.eval()
            with torch.no_grad():
                clean = logs(copy(x), 1)
            adv = (x + 0.001 * torch.randn_like(x)).clamp(0, 1)
            for _ in range(10):
                adv.requires_grad_()
                (slope,) = torch.autograd.grad(apart(clean, logs(copy(adv), 1)), adv)
                ahead = adv.detach() + epsilon / 4 * slope.sign()
                adv = torch.minimum(torch.maximum(ahead, x - epsilon), x + epsilon).clamp(0, 1)
            copy.train()
            optimizer.zero_grad()
            answer = copy(x)
            kept = apart(logs(answer, 1), logs(copy(adv), 1)) / len(x)
            (loss(answer, y) + 6.0 * kept).backward()
            optimizer.step()
            return 10.0

        return run

    def step(num_steps: int, length: float) -> Run:
        copy = torch_copy(network)
        optimizer = torch.optim.SGD(copy.parameters(), 0.01, momentum=0.9)

        def run() -> float:
            copy.eval()
            adv = (x + epsilon * (2 * torch.rand_like(x) - 1)).clamp(0, 1)
            for _ in range(num_steps):
                adv.requires_grad_()
                (slope,) = torch.autograd.grad(loss(copy(adv), y, reduction="sum"), adv)
                ahead = adv.detach() + length * slope.sign()
                adv = torch.minimum(torch.maximum(ahead, x - epsilon), x + epsilon).clamp(0, 1)
            copy.train()
            optimizer.zero_grad()
            loss(copy(adv), y).backward()
            optimizer.step()
            return float(num_steps)

        return run

    return {
        "standard, torch": step(10, epsilon / 4),
        "fast, torch": step(1, 1.25 * epsilon),
        "trades, torch": trades(),
    }


def measure(
    steps: Steps, rounds: int, discarded: int, clock: Callable[[], float]
) -> dict[str, dict[str, list[float]]]:
    """Returns seconds, gradients and ratio of each step, and seconds of its bare parts, by name."""
    torch_steps = in_torch(steps.network, steps.epsilon, steps.image, steps.label)
    runs = {f"bare {name}": run for name, run in steps.bare.items()} | steps.runs | torch_steps
    rows = {name: {"seconds": [], "gradients": [], "ratio": []} for name in runs}
    for seconds, gradients in in_rounds(runs, steps.restore, rounds, discarded, clock):
        bare = {name: seconds[f"bare {name}"] for name in steps.bare}
        for name in runs:
            rows[name]["seconds"].append(seconds[name])
            rows[name]["gradients"].append(gradients[name])
            if name in steps.runs:
                needs = needed(name, gradients[name], bare, seconds)
                rows[name]["ratio"].append(seconds[name] / needs)
            elif name == "bare memory":
                rows[name]["ratio"].append(seconds[name] / seconds["dynamic_memory"])
            elif name in torch_steps:
                rows[name]["ratio"].append(seconds[name] / seconds[name.split(",")[0]])
    return rows


def table(name: str, steps: Steps, rows: dict[str, dict[str, list[float]]]) -> rich.table.Table:
    """Returns the table of one network."""
    rounds = len(rows["bare gradient"]["seconds"])
    result = rich.table.Table(title=f"{name}, batch {steps.batch}, median of {rounds} rounds")
    for column in ("", "ms", "gradients", "ratio", "of Standard"):
        result.add_column(column, justify="right" if column else "left", no_wrap=True)
    for run, row in rows.items():
        shares = [
            own / standard
            for own, standard in zip(
                row["seconds"], rows.get("standard", row)["seconds"], strict=True
            )
        ]
        result.add_row(
            run,
            spread([1000 * value for value in row["seconds"]], ".1f"),
            f"{statistics.median(row['gradients']):.2f}",
            spread(row["ratio"], ".3f") if row["ratio"] else "",
            spread(shares, ".3f"),
        )
    return result


def main() -> None:
    """Measures the networks asked for and prints a table for each."""
    parser = arguments(__doc__.split("\n")[0], rounds=15, discarded=4)
    parser.add_argument("--warm_up", type=int, default=150, help="weight updates before measuring")
    parser.add_argument("--defenses", default=",".join(fosc_tf.defenses.names()))
    flags = parser.parse_args()
    for name in flags.networks.split(","):
        npz = {"mnist_cnn": flags.mnist_npz, "cifar_cnn": flags.cifar_npz}[name]
        steps = Steps(name, npz, flags.batch, flags.warm_up, flags.defenses.split(","))
        rows = measure(steps, flags.rounds, flags.discarded, CLOCKS[flags.clock])
        rich.console.Console(width=110).print(table(name, steps, rows))


if __name__ == "__main__":
    main()
