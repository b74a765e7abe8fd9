"""Friendly adversarial training on MNIST.

    python main.py --config=configs/mnist_fat.py

The paper has no MNIST; the setting is that of the other MNIST experiments.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist("fat", **common.friendly_arguments())
