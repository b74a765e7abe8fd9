"""What bounds of a batch cost, beside auto_LiRPA in PyTorch.

    FOSC_TF_AUTO_LIRPA=auto_LiRPA taskset -c 0 python -m benchmarks.bounds --mnist_npz=mnist.npz

On one batch and one thread, for IBP and CROWN-IBP: the margins of DM-small in an l-infinity ball,
as users call `fosc_tf.bounds.margins`, its checks included; the same inside of a `tf.function`; and
where PyTorch is installed and FOSC_TF_AUTO_LIRPA names a clone of auto_LiRPA, see
`tests/bounds/test_auto_lirpa.py`, those of the same weights there, once both are seen to agree.
There the box and the rows of the nine other classes are made beforehand.

How rounds are made is told in `benchmarks.step`; a ratio is their time over ours in the same round,
so that above 1 ours is faster. The last line is the time of the verified accuracy of 10,000 images
by IBP, batches of 500. The weights are those of a fresh network: what these two methods cost does
not depend on them.
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
from fosc_tf.bounds.rounding import proved

CLONE = os.environ.get("FOSC_TF_AUTO_LIRPA", "")
try:  # the extra parity; its Triton crashes beside TensorFlow and must not be installed
    import torch

    from benchmarks.torch_copy import torch_copy
except ImportError:
    torch = None

METHODS = ("ibp", "crown-ibp")
EPSILON = 0.1
MANY, AT_ONCE = 10000, 500


def ours(network: keras.Model, image: tf.Tensor, label: tf.Tensor, method: str) -> dict[str, Run]:
    """Returns the margins as users call them, and those inside of a compiled function."""

    @tf.function(autograph=False)
    def inside(image: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        return fosc_tf.bounds.margins(network, image, label, epsilon=EPSILON, method=method)

    def called() -> float:
        found = fosc_tf.bounds.margins(network, image, label, epsilon=EPSILON, method=method)
        return float(found.numpy()[0, 0])

    return {method: called, f"{method}, inside": lambda: float(inside(image, label).numpy()[0, 0])}


def theirs(
    network: keras.Model, image: tf.Tensor, label: tf.Tensor
) -> dict[str, Callable[[], np.ndarray]]:
    """Returns margins [batch, 9] of auto_LiRPA by method, none where it is not there."""
    if torch is None or not CLONE:
        return {}
    sys.path.insert(0, CLONE)
    from auto_LiRPA import BoundedModule, BoundedTensor, PerturbationLpNorm

    x = torch.from_numpy(np.ascontiguousarray(image.numpy().transpose(0, 3, 1, 2)))
    box = {"x_L": (x - EPSILON).clamp(0, 1), "x_U": (x + EPSILON).clamp(0, 1)}
    moving = (BoundedTensor(x, PerturbationLpNorm(norm=np.inf, **box)),)
    model, identity = BoundedModule(torch_copy(network), x, device="cpu"), np.eye(10)
    rows = np.stack([np.delete(identity[one] - identity, one, 0) for one in label.numpy()])
    rows = torch.from_numpy(rows.astype(np.float32))

    def run(method: str) -> np.ndarray:
        with torch.no_grad():
            found, _ = model.compute_bounds(x=moving, C=rows, method=method, bound_upper=False)
        return found.numpy()

    return {method: lambda method=method: run(method) for method in METHODS}


def check_alike(network: keras.Model, image: tf.Tensor, label: tf.Tensor) -> None:
    """Raises unless both sides give the same margins."""
    for method, run in theirs(network, image, label).items():
        found = fosc_tf.bounds.margins(network, image, label, epsilon=EPSILON, method=method)
        kept = np.arange(10) != label.numpy()[:, None]
        found, expected = found.numpy()[kept].reshape(-1, 9), run()
        np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def verified(network: keras.Model, image: np.ndarray, label: np.ndarray) -> float:
    """Returns the share of images that IBP proves."""
    kept = []
    for first in range(0, len(image), AT_ONCE):
        one, its = image[first : first + AT_ONCE], label[first : first + AT_ONCE]
        found = fosc_tf.bounds.margins(network, one, its, epsilon=EPSILON, method="ibp")
        kept.append(proved(found, its))
    return float(np.mean(np.concatenate(kept)))


def measure(
    runs: dict[str, Run], rounds: int, discarded: int, clock: Callable[[], float]
) -> dict[str, dict[str, list[float]]]:
    """Returns seconds of each run, and theirs over it in each round, by the run's name."""
    rows = {name: {"seconds": [], "ratio": []} for name in runs}
    for seconds, _ in in_rounds(runs, lambda: None, rounds, discarded, clock):
        for name, row in rows.items():
            row["seconds"].append(seconds[name])
            other = f"{name.split(',')[0]}, auto_LiRPA"
            if other in seconds and other != name:
                row["ratio"].append(seconds[other] / seconds[name])
    return rows


def table(rows: dict[str, dict[str, list[float]]], batch: int) -> rich.table.Table:
    """Returns the table."""
    count = len(next(iter(rows.values()))["seconds"])
    result = rich.table.Table(title=f"dm_small, batch {batch}, median of {count} rounds")
    for column in ("", "ms", "theirs over ours"):
        result.add_column(column, justify="right" if column else "left", no_wrap=True)
    for name, row in rows.items():
        milliseconds = [1000 * value for value in row["seconds"]]
        ratio = spread(row["ratio"], ".2f") if row["ratio"] else ""
        result.add_row(name, spread(milliseconds, ".1f"), ratio)
    return result


def main() -> None:
    """Measures and prints a table, and what many images take."""
    flags = arguments(__doc__.split("\n")[0], rounds=20, discarded=3).parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if torch is not None:
        torch.set_num_threads(1)
    network = fosc_tf.models.get("dm_small", input_shape=(28, 28, 1), num_classes=10)
    image_all, label_all = images("mnist", flags.mnist_npz)
    image, label = tf.constant(image_all[: flags.batch]), tf.constant(label_all[: flags.batch])
    check_alike(network, image, label)
    runs, other = {}, theirs(network, image, label)
    for method in METHODS:
        runs |= ours(network, image, label, method)
        if method in other:
            runs[f"{method}, auto_LiRPA"] = lambda run=other[method]: float(run()[0, 0])
    clock, console = CLOCKS[flags.clock], rich.console.Console(width=100)
    console.print(table(measure(runs, flags.rounds, flags.discarded, clock), flags.batch))
    many = np.resize(image_all, (MANY, *image_all.shape[1:])), np.resize(label_all, MANY)
    run = {"verified": lambda: verified(network, *many)}
    seconds = measure(run, 5, 1, clock)["verified"]["seconds"]
    console.print(f"{MANY} images by ibp, batches of {AT_ONCE}: {spread(seconds, '.2f')} s")


if __name__ == "__main__":
    main()
