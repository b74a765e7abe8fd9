"""A robust part of a random network on MNIST: Liu 2022 (thesis), section 5.1.

    python main.py --config=configs/mnist_subnetwork.py

Standard training of scores; nine weights of ten go, and those that stay are -1 or 1. Of this
project: the thesis trains on CIFAR and ImageNet.

Not yet measured for a table.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    config = common.subnetwork(common.mnist("standard"), rate=0.9)
    with config.unlocked():
        config.model.batch_norm_momentum = 0.9  # share of the statistics that a step keeps
    return config
