"""What curvature costs: a Hessian-vector product beside a gradient of the weights, and how many.

    python -m benchmarks.curvature --networks=mnist_cnn --mnist_npz=mnist.npz --clock=cpu

For each network, on one batch and in evaluation mode, as `fosc_tf.analysis.hessian_eigenvalues`
sees it: one compiled function with the gradient of the summed cross-entropy with respect to the
weights, and one Hessian-vector product as the solver asks for it, checks and copies included. A
ratio is its time over that of the gradient in the same round. By count an inner layer takes three
convolutions for the gradient and six more for the product, ratio 3, and the first layer ratio 2.
How rounds are made, and the warm-up of the network, are told in `benchmarks.step`. The last line is
the number of products, and the time, for the top eigenvalues to 1e-4 of the Hessian's norm on the
same batch.
"""

from __future__ import annotations

import time

import numpy as np
import rich.console
import rich.table
import tensorflow as tf

from benchmarks.spread import spread
from benchmarks.step import CLOCKS, DATA, Run, Subject, arguments, in_rounds
from fosc_tf.analysis import hessian_eigenvalues
from fosc_tf.analysis.weight_loss import WeightLoss
from fosc_tf.objectives import cross_entropy

GRADIENT, PRODUCT = "gradient of the weights", "Hessian-vector product"


def runs(subject: Subject) -> dict[str, Run]:
    """Returns the gradient and the product, on the subject's batch."""
    network, image, label = subject.network, subject.image, subject.label
    weights = list(network.trainable_variables)
    loss = WeightLoss(network, image, label, batch_size=len(image))
    vector = np.random.default_rng(0).standard_normal(loss.size)

    @tf.function(autograph=False)
    def gradient(image: tf.Tensor, label: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            height = tf.reduce_sum(cross_entropy(network(image, training=False), label))
        return tape.gradient(height, weights)

    return {
        GRADIENT: lambda: (gradient(image, label)[-1].numpy(), 1.0)[1],
        PRODUCT: lambda: (loss.product(vector), 1.0)[1],
    }


def main() -> None:
    """Measures the networks asked for and prints a table for each."""
    parser = arguments(__doc__.split("\n")[0], rounds=20, discarded=3)
    parser.add_argument("--warm_up", type=int, default=150, help="weight updates before measuring")
    parser.add_argument("--k", type=int, default=20, help="eigenvalues; 0 for none")
    flags = parser.parse_args()
    console, clock = rich.console.Console(width=100), CLOCKS[flags.clock]
    for name in flags.networks.split(","):
        npz = {"mnist_cnn": flags.mnist_npz, "cifar_cnn": flags.cifar_npz}[name]
        subject = Subject(name, npz, flags.batch, flags.warm_up)
        rounds = [
            seconds
            for seconds, _ in in_rounds(
                runs(subject), lambda: None, flags.rounds, flags.discarded, clock
            )
        ]
        table = rich.table.Table(
            title=f"{name}, batch {flags.batch}, median of {len(rounds)} rounds"
        )
        for column in ("", "ms", "ratio"):
            table.add_column(column, justify="right" if column else "left", no_wrap=True)
        for run in (GRADIENT, PRODUCT):
            milliseconds = [1000 * seconds[run] for seconds in rounds]
            ratio = [seconds[run] / seconds[GRADIENT] for seconds in rounds]
            table.add_row(run, spread(milliseconds, ".1f"), spread(ratio, ".2f"))
        console.print(table)
        for epsilon in (0.0, DATA[name][1]) if flags.k else ():
            began = time.perf_counter()
            found = hessian_eigenvalues(
                subject.network, subject.image, subject.label, flags.k, epsilon
            )
            seconds = time.perf_counter() - began
            console.print(f"epsilon {epsilon:.3g}, {seconds:.1f} s with the attack: {found!r}")


if __name__ == "__main__":
    main()
