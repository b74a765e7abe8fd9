"""SABR on MNIST: Müller et al. 2023.

    python main.py --config=configs/mnist_sabr.py
    python main.py --config=configs/mnist_sabr.py:epsilon=0.1,short

Paper, verified accuracy in % with CNN7: 98.22 at 0.1, 93.40 at 0.3.
"""

from configs import certified, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    at_01 = {"share": 0.4, "l1": 1e-5}
    return certified.mnist("sabr", arg, {0.1: at_01}, **certified.sabr_arguments())
