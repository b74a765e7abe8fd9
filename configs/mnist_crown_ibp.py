"""CROWN-IBP on MNIST: Zhang et al. 2020, the recipe of Shi et al. 2021.

    python main.py --config=configs/mnist_crown_ibp.py
    python main.py --config=configs/mnist_crown_ibp.py:epsilon=0.1,short

`short` is 25 epochs.
"""

from configs import certified, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    return certified.mnist("crown_ibp", arg, **certified.crown_arguments())
