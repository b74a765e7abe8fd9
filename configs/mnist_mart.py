"""MART on MNIST: Wang et al. 2020, in the setting of the other MNIST experiments.

    python main.py --config=configs/mnist_mart.py

The setting is not the authors'.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist("mart", **arguments.divergence(5.0))
