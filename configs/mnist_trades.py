"""TRADES on MNIST: Zhang et al. 2019, in the setting of the other MNIST experiments.

    python main.py --config=configs/mnist_trades.py

The authors train a network of their own without batch norm, with 40 steps of 0.01. This one has
it, and what it learns does not withstand AutoAttack (results/README.md);
`--config.model.name=mnist_small` has none.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist("trades", **arguments.divergence(6.0))
