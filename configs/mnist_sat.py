"""Self-adaptive training on MNIST: Huang et al. 2020 with TRADES.

    python main.py --config=configs/mnist_sat.py

The setting is that of the other MNIST experiments.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist("sat", **arguments.sat(warm_up_epochs=20))
