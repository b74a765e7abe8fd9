"""How far an accuracy moves from seed to seed, ours and the peers'.

    python -m benchmarks.seeds --run=runs/mnist_dynamic --npz=mnist.npz

Evaluates the last network of a run under the same PGD from several tools, each with the same
seeds, and prints mean, deviation over the seeds and the standard error of the mean, in % of the
images. The tools are extras; see `fosc_tf.attacks.get` for their names.
"""

from __future__ import annotations

import argparse
import pathlib
import statistics

import rich.console
import rich.table

from fosc_tf import data
from fosc_tf.evaluation import white_box
from fosc_tf.runs import trained


def main() -> None:
    """Prints a line for each attack, and for each seed as it is done."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run", type=pathlib.Path, required=True, help="folder of a trained run")
    parser.add_argument("--npz", default="", help="its data set as Keras stores it")
    parser.add_argument("--attacks", default="pgd-20,art:pgd-20,cleverhans:pgd-20")
    parser.add_argument("--images", type=int, default=1000, help="first test images")
    parser.add_argument("--batch", type=int, default=250)
    parser.add_argument("--seeds", type=int, default=12, help="at least 2")
    flags = parser.parse_args()
    origin = trained.load(flags.run)
    arrays = data.load(origin.data, npz=flags.npz or origin.config["data"]["npz"])
    first = slice(flags.images)
    batches = data.test_batches(arrays.x_test[first], arrays.y_test[first], batch_size=flags.batch)
    console = rich.console.Console(width=100)
    found: dict[str, list[float]] = {name: [] for name in flags.attacks.split(",")}
    for seed in range(flags.seeds):
        rows = white_box(
            origin.network,
            batches,
            epsilon=origin.config["evaluation"]["epsilon"],
            norm=origin.config["evaluation"]["norm"],
            attacks=tuple(found),
            seed=seed,
        )
        for row in rows:
            found[row["attack"]].append(100 * row["accuracy"])
        console.print(f"seed {seed}: {', '.join(f'{values[-1]:.1f}' for values in found.values())}")
    table = rich.table.Table("attack", "mean", "deviation", "error of the mean", "seeds")
    for name, values in found.items():
        deviation = statistics.stdev(values)
        error = deviation / len(values) ** 0.5
        numbers = (f"{number:.2f}" for number in (statistics.fmean(values), deviation, error))
        table.add_row(name, *numbers, str(len(values)))
    console.print(table)


if __name__ == "__main__":
    main()
