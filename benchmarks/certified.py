"""What a step of certified training costs beside a plain step, and beside auto_LiRPA's.

    FOSC_TF_AUTO_LIRPA=auto_LiRPA taskset -c 0 python -m benchmarks.certified --mnist_npz=mnist.npz

On one batch and one thread, DM-small with and without batch norm at epsilon 0.3: one step of each
certified defense through the very function that `fit` calls, in the middle of the ramp and after
it; its ratio is to the step of `unsecured`, clean images alone. "needs" is the ratio to what the
defense cannot do without: for MTL-IBP and CC-IBP a step of IBP, the plain pass at the adversarial
images and the gradients of the attack; for SABR a step of IBP and the attack; for AdvIBP IBP, a
plain pass and two gradients. A pass is `unsecured` without the optimizer, near enough `unsecured`.

Where PyTorch is installed and FOSC_TF_AUTO_LIRPA names a clone of auto_LiRPA (see
`benchmarks.bounds`), the steps of IBP and of CROWN-IBP with loss fusion of that library stand
beside ours, for the network without batch norm; "theirs over ours" is above 1 where ours is faster.
How rounds are made is told in `benchmarks.step`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import keras
import numpy as np
import rich.console
import rich.table
import tensorflow as tf

import fosc_tf
from benchmarks.images import images
from benchmarks.spread import spread
from benchmarks.step import CLOCKS, Run, arguments, in_rounds

CLONE = os.environ.get("FOSC_TF_AUTO_LIRPA", "")
try:  # the extra parity; its Triton crashes beside TensorFlow and must not be installed
    import torch

    from benchmarks.torch_copy import torch_copy
except ImportError:
    torch = None

EPSILON, STEPS, RAMP = 0.3, 100, 10
BOUNDS_ALONE = {"warm_up": 0.0, "l1": 0.0, "start_epoch": 0, "ramp_epochs": RAMP}
JOINT = {"clean_epochs": 0, "attacked_epochs": 0, "ramp_epochs": RAMP, "warm_up": 0.0}
SUBJECTS = {
    "unsecured": ("unsecured", {}),
    "ibp": ("ibp", BOUNDS_ALONE),
    "ibp, warm-up": ("ibp", BOUNDS_ALONE | {"warm_up": 0.5}),
    "crown_ibp": ("crown_ibp", BOUNDS_ALONE),
    "crown_ibp, a row a class": ("crown_ibp", BOUNDS_ALONE | {"loss_fusion": False}),
    "mtl_ibp": ("mtl_ibp", BOUNDS_ALONE),
    "cc_ibp": ("cc_ibp", BOUNDS_ALONE),
    "sabr": ("sabr", BOUNDS_ALONE),
    "adv_ibp": ("adv_ibp", JOINT),
}
"""Defense and arguments by name."""


def steps(
    image: tf.Tensor, label: tf.Tensor, batch_norm: bool
) -> tuple[dict[str, Run], Callable[[], None]]:
    """Returns a step of every subject, and a gradient of the images, and what puts all back."""
    runs, kept = {}, []
    for name, (defense, given) in SUBJECTS.items():
        network = fosc_tf.models.get(
            "dm_small", input_shape=image.shape[1:], num_classes=10, batch_norm=batch_norm
        )
        fosc_tf.models.initialize(network, seed=0)
        own = given if defense == "unsecured" else given | {"epsilon": EPSILON}
        made = fosc_tf.defenses.get(defense, **own)
        if made.clock is not None:
            made.clock.learn(STEPS)
        trainer = fosc_tf.AdversarialTrainer(network, made, fosc_every=0)
        trainer.compile(keras.optimizers.Adam(5e-4))
        trainer.optimizer.build(network.trainable_variables)
        trainer.batches_seen.assign(STEPS * RAMP // 2)
        step = tf.function(lambda *batch, trainer=trainer: trainer.train_step(batch))
        runs[name] = lambda step=step: (step(image, label)["loss"].numpy(), 0.0)[1]
        variables = [*network.variables, *trainer.optimizer.variables, trainer.batches_seen]
        kept += [(each, each.numpy()) for each in variables]
    plain = network

    @tf.function(autograph=False)
    def gradient() -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(image)
            logits = plain(image, training=False)
            loss = tf.reduce_sum(fosc_tf.objectives.cross_entropy(logits, label))
        return tape.gradient(loss, image)

    runs["gradient"] = lambda: (gradient().numpy(), 0.0)[1]

    def restore() -> None:
        for variable, value in kept:
            variable.assign(value)

    return runs, restore


def theirs(network: keras.Model, image: tf.Tensor, label: tf.Tensor) -> dict[str, Run]:
    """Returns steps of auto_LiRPA on the same weights, none where it is not there."""
    if torch is None or not CLONE:
        return {}
    sys.path.insert(0, CLONE)
    from auto_LiRPA import BoundedModule, BoundedTensor, PerturbationLpNorm
    from auto_LiRPA.bound_ops import BoundExp

    x = torch.from_numpy(np.ascontiguousarray(image.numpy().transpose(0, 3, 1, 2)))
    chosen = torch.from_numpy(np.eye(10, dtype="float32")[label.numpy()])

    class Fused(torch.nn.Module):
        """Its CrossEntropyWrapper, whose gather newer PyTorch exports as what it cannot read."""

        def __init__(self, model: torch.nn.Module) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
            answer = self.model(x)
            apart = answer - (answer * chosen).sum(dim=-1, keepdim=True)
            return torch.exp(apart).sum(dim=-1, keepdim=True)

    radius = EPSILON / 2
    box = {"x_L": (x - radius).clamp(0, 1), "x_U": (x + radius).clamp(0, 1)}
    identity = np.eye(10)
    rows = np.stack([np.delete(identity[one] - identity, one, 0) for one in label.numpy()])
    rows = torch.from_numpy(rows.astype(np.float32))

    def moving() -> BoundedTensor:
        return BoundedTensor(x, PerturbationLpNorm(norm=np.inf, **box))

    def ibp() -> Run:
        copy = torch_copy(network)
        model = BoundedModule(copy, x, device="cpu")
        optimizer = torch.optim.Adam(copy.parameters(), 5e-4)

        def run() -> float:
            optimizer.zero_grad()
            lower, _ = model.compute_bounds(x=(moving(),), C=rows, method="IBP", bound_upper=False)
            margins = torch.cat([torch.zeros(len(lower), 1), lower], dim=1)
            loss = torch.logsumexp(-margins, dim=1).mean()
            loss.backward()
            optimizer.step()
            return 0.0

        return run

    def fused() -> Run:
        copy = torch_copy(network)
        options = {"activation_bound_option": "adaptive", "loss_fusion": True}
        first = (x[:1], chosen[:1])
        model = BoundedModule(Fused(copy), first, bound_opts=options, device="cpu")
        exponential = next(each for each in model.modules() if isinstance(each, BoundExp))
        optimizer = torch.optim.Adam(copy.parameters(), 5e-4)

        def run() -> float:
            optimizer.zero_grad()
            given = (moving(), chosen)
            model(*given)
            _, by_intervals = model.compute_bounds(x=given, IBP=True, C=None, method=None)
            _, by_lines = model.compute_bounds(
                IBP=False, C=None, method="backward", bound_lower=False, bound_upper=True
            )
            upper = 0.5 * by_lines + 0.5 * by_intervals
            (torch.log(upper) + exponential.max_input).mean().backward()
            optimizer.step()
            return 0.0

        return run

    return {"ibp, auto_LiRPA": ibp(), "crown_ibp, auto_LiRPA": fused()}


def needed(name: str, seconds: dict[str, float]) -> float | None:
    """Returns the seconds of what a defense cannot do without, None where that is itself."""
    gradient, plain, bound = seconds["gradient"], seconds["unsecured"], seconds["ibp"]
    attack = {"mtl_ibp": 1, "cc_ibp": 1, "sabr": 8, "adv_ibp": 2}.get(name)
    if attack is None:
        return None
    return bound + attack * gradient + (0.0 if name == "sabr" else plain)


def measure(
    runs: dict[str, Run],
    restore: Callable[[], None],
    rounds: int,
    discarded: int,
    clock: Callable[[], float],
) -> dict[str, dict[str, list[float]]]:
    """Returns seconds and ratios of each run in each round, by its name."""
    rows = {name: {"seconds": [], "ratio": [], "needs": [], "theirs": []} for name in runs}
    for seconds, _ in in_rounds(runs, restore, rounds, discarded, clock):
        for name, row in rows.items():
            row["seconds"].append(seconds[name])
            row["ratio"].append(seconds[name] / seconds["unsecured"])
            needs = needed(name, seconds)
            if needs is not None:
                row["needs"].append(seconds[name] / needs)
            other = f"{name}, auto_LiRPA"
            if other in seconds:
                row["theirs"].append(seconds[other] / seconds[name])
    return rows


def table(rows: dict[str, dict[str, list[float]]], title: str) -> rich.table.Table:
    """Returns the table."""
    result = rich.table.Table(title=title)
    for column in ("", "ms", "of a plain step", "needs", "theirs over ours"):
        result.add_column(column, justify="right" if column else "left", no_wrap=True)
    for name, row in rows.items():
        milliseconds = [1000 * value for value in row["seconds"]]
        ratios = [spread(row[each], ".2f") if row[each] else "" for each in list(row)[1:]]
        result.add_row(name, spread(milliseconds, ".0f"), *ratios)
    return result


def main() -> None:
    """Measures and prints a table for each of the two networks."""
    flags = arguments(__doc__.split("\n")[0], rounds=10, discarded=2).parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if torch is not None:
        torch.set_num_threads(1)
    image_all, label_all = images("mnist", flags.mnist_npz)
    image, label = tf.constant(image_all[: flags.batch]), tf.constant(label_all[: flags.batch])
    for batch_norm in (False, True):
        runs, restore = steps(image, label, batch_norm)
        if not batch_norm:
            network = fosc_tf.models.get("dm_small", input_shape=(28, 28, 1), num_classes=10)
            fosc_tf.models.initialize(network, seed=0)
            runs |= theirs(network, image, label)
        rows = measure(runs, restore, flags.rounds, flags.discarded, CLOCKS[flags.clock])
        kind = "with" if batch_norm else "without"
        title = f"dm_small {kind} batch norm, batch {flags.batch}, median of {flags.rounds} rounds"
        rich.console.Console(width=110).print(table(rows, title))


if __name__ == "__main__":
    main()
