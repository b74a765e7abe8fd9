"""IBP on MNIST: Gowal et al. 2018, the recipe of Shi et al. 2021.

    python main.py --config=configs/mnist_ibp.py
    python main.py --config=configs/mnist_ibp.py:epsilon=0.1,short

Paper, errors in % at 0.3 (clean / verified): 2.33 / 6.90 with CNN7. Fan & Li 2021 (AdvIBP, DM-small
without batch norm, 250 epochs): 4.15 / 10.80.
"""

from configs import common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    return common.certified_mnist("ibp", arg, **common.interval_arguments())
