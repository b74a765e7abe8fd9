"""ATAS on MNIST: Huang et al. 2022, in the schedule of Wang et al. 2019.

    python main.py --config=configs/mnist_atas.py

Huang et al. have no numbers for MNIST.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist("atas", **arguments.atas())
