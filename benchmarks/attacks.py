"""The same attacks on the same trained network: ours beside the peers'.

    pip install ".[art,foolbox,cleverhans,parity]"
    python -m benchmarks.attacks --run=runs/mnist_dynamic --npz=mnist.npz
    python -m benchmarks.attacks --run=runs/mnist_dynamic --npz=mnist.npz --autoattack=auto-attack

`--run` is the work folder of a trained mnist_cnn. Its SavedModel, or with
`--network=keras` its Keras model, is handed to every tool that works on TensorFlow; for PyTorch its
weights are carried over, and the logits of both must be equal first. All attacks have the epsilon
of the run, steps of epsilon / 4 and a random start.

Every round runs each tool once on all images, in another order each time, after one round that is
thrown away, in which TensorFlow compiles. A ratio is a tool's seconds over ours in the same round:
above 1 ours is faster. Shown are medians and quartiles. Accuracy is judged by the same network for
all, on the images that a tool returns.

With `--autoattack`, the path of a clone of fra31/auto-attack, the standard ensemble runs once on
either side instead: after the first batch of ours, which compiles, both start anew.
"""

from __future__ import annotations

import argparse
import pathlib
import random
import sys
from collections.abc import Callable

import numpy as np
import rich.console
import rich.table
import tensorflow as tf
import torch
import torchattacks

from benchmarks.spread import spread
from benchmarks.step import CLOCKS
from benchmarks.torch_copy import torch_copy
from fosc_tf import data, export
from fosc_tf.attacks import AutoAttack, presets
from fosc_tf.attacks.independent import TOOLS
from fosc_tf.runs import trained

Attack = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From images [batch, h, w, c] and labels [batch] to adversarial images."""


class Subject:
    """A trained network in both libraries and the images it is attacked on.

    Args:
        run: its work folder.
        npz: file of the data set; "" loads it as the run did.
        images: how many, the first of the test set.
        batch: examples in a batch.
        form: what tools on TensorFlow get, "export" or "keras".

    Raises:
        UserError: no trained run, or no data.
    """

    def __init__(self, run: pathlib.Path, npz: str, images: int, batch: int, form: str) -> None:
        origin = trained.load(run)
        defense = origin.config["evaluation"]
        self.epsilon, self.batch = defense["epsilon"], batch
        arrays = data.load(origin.config["data"]["name"], npz=npz or origin.config["data"]["npz"])
        rows = data.test_batches(arrays.x_test[:images], arrays.y_test[:images], batch_size=batch)
        self.batches = [(np.asarray(image), np.asarray(label)) for image, label in rows]
        self.network = export.load(run / "export") if form == "export" else origin.network
        self.copy = torch_copy(origin.network)
        self._check_copy()
        self._right = tf.function(
            lambda image, label: tf.argmax(self.network(image), 1, tf.int32) == label,
            input_signature=[
                tf.TensorSpec(self.network.input_shape, tf.float32),
                tf.TensorSpec([None], tf.int32),
            ],
        )

    def accuracy(self, adversarial: list[np.ndarray]) -> float:
        """Returns the share of images that the network still gets right."""
        pairs = zip(adversarial, self.batches, strict=True)
        right = [self._right(image, label.astype(np.int32)) for image, (_, label) in pairs]
        return float(np.mean(np.concatenate(right)))

    def run(self, attack: Attack) -> list[np.ndarray]:
        """Returns what `attack` finds, batch by batch."""
        return [attack(image, label) for image, label in self.batches]

    def _check_copy(self) -> None:
        image = self.batches[0][0]
        difference = np.abs(self.torch_logits(image) - self.network(image).numpy()).max()
        if difference > 1e-4:
            raise RuntimeError(f"the logits of the copy in PyTorch differ by {difference:g}")

    def torch_logits(self, image: np.ndarray) -> np.ndarray:
        """Returns the logits of the copy for images in TensorFlow's layout."""
        with torch.no_grad():
            return self.copy(channels_first(image)).numpy()


def channels_first(image: np.ndarray) -> torch.Tensor:
    """Returns [batch, h, w, c] as a torch tensor [batch, c, h, w]."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(0, 3, 1, 2)))


def ours(subject: Subject, name: str) -> Attack:
    """Returns a preset of this project, or of another tool on TensorFlow by "tool:name"."""
    attack = presets.get(name, epsilon=subject.epsilon)
    return lambda image, label: attack(subject.network, image, label).image.numpy()


def torchattacks_pgd(subject: Subject, num_steps: int) -> Attack:
    """Returns torchattacks' PGD."""
    attack = torchattacks.PGD(
        subject.copy, eps=subject.epsilon, alpha=subject.epsilon / 4, steps=num_steps
    )

    def run(image: np.ndarray, label: np.ndarray) -> np.ndarray:
        label = torch.from_numpy(label.astype(np.int64))
        return attack(channels_first(image), label).numpy().transpose(0, 2, 3, 1)

    return run


def compare_pgd(subject: Subject, num_steps: int, rounds: int, clock: Callable) -> rich.table.Table:
    """Returns the table of PGD with `num_steps` steps."""
    name = f"pgd-{num_steps}"
    tools = {"fosc_tf": ours(subject, name)}
    tools |= {tool: ours(subject, f"{tool}:{name}") for tool in TOOLS}
    tools["torchattacks"] = torchattacks_pgd(subject, num_steps)
    seconds: dict[str, list[float]] = {tool: [] for tool in tools}
    accuracy = {}
    shuffled = random.Random(0)
    for number in range(rounds + 1):
        for tool in shuffled.sample(list(tools), len(tools)):
            began = clock()
            adversarial = subject.run(tools[tool])
            if number:
                seconds[tool].append(clock() - began)
            accuracy[tool] = subject.accuracy(adversarial)
    count = sum(len(label) for _, label in subject.batches)
    title = f"PGD-{num_steps}, {count} images in batches of {subject.batch}, {rounds} rounds"
    table = rich.table.Table("tool", "accuracy %", "s", "tool / ours", title=title)
    for tool, spent in seconds.items():
        ratio = [one / own for one, own in zip(spent, seconds["fosc_tf"], strict=True)]
        row = [f"{100 * accuracy[tool]:.1f}", spread(spent, ".2f"), spread(ratio, ".2f")]
        table.add_row(tool, *row)
    return table


def compare_autoattack(subject: Subject, clone: str, clock: Callable) -> rich.table.Table:
    """Returns the table of the standard ensemble, ours and the authors'."""
    sys.path.insert(0, clone)
    from autoattack import AutoAttack as Reference

    image = np.concatenate([image for image, _ in subject.batches])
    label = np.concatenate([label for _, label in subject.batches])
    attack = AutoAttack(epsilon=subject.epsilon)
    for name in attack.members:
        attack.members[name].search(subject.network, image[:2], label[:2])
    began = clock()
    found = attack(subject.network, image, label, batch_size=subject.batch)
    middle = clock()
    reference = Reference(
        subject.copy, norm="Linf", eps=subject.epsilon, version="standard", device="cpu", seed=0
    )
    theirs = reference.run_standard_evaluation(
        channels_first(image), torch.from_numpy(label.astype(np.int64)), bs=subject.batch
    )
    ended = clock()
    sizes = np.cumsum([len(label) for _, label in subject.batches])[:-1]
    both = [found.image, theirs.numpy().transpose(0, 2, 3, 1)]
    accuracy = [subject.accuracy(np.split(np.asarray(images), sizes)) for images in both]
    title = f"AutoAttack standard, {len(label)} images in batches of {subject.batch}"
    table = rich.table.Table("tool", "accuracy %", "s", "tool / ours", title=title)
    seconds = [middle - began, ended - middle]
    for tool, right, spent in zip(("fosc_tf", "reference"), accuracy, seconds, strict=True):
        row = [f"{100 * right:.1f}", f"{spent:.0f}", f"{spent / seconds[0]:.2f}"]
        table.add_row(tool, *row)
    return table


def main() -> None:
    """Prints a table for each attack."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run", type=pathlib.Path, required=True, help="folder of a trained run")
    parser.add_argument("--npz", default="", help="its data set as Keras stores it")
    parser.add_argument("--images", type=int, default=1000, help="first test images")
    parser.add_argument("--batch", type=int, default=250)
    parser.add_argument("--rounds", type=int, default=5, help="rounds that are measured")
    parser.add_argument("--autoattack", default="", help="clone of fra31/auto-attack")
    parser.add_argument("--network", choices=("export", "keras"), default="export")
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall")
    flags = parser.parse_args()
    subject = Subject(flags.run, flags.npz, flags.images, flags.batch, flags.network)
    clock, console = CLOCKS[flags.clock], rich.console.Console(width=100)
    if flags.autoattack:
        console.print(compare_autoattack(subject, flags.autoattack, clock))
        return
    for num_steps in (10, 20):
        console.print(compare_pgd(subject, num_steps, flags.rounds, clock))


if __name__ == "__main__":
    main()
