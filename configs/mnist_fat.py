"""Friendly adversarial training on MNIST.

    python main.py --config=configs/mnist_fat.py

The paper has no MNIST; the setting is that of the other MNIST experiments.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist(
        "fat",
        tau_epochs=(20, 37),  # 0-based, tau grows by one as each begins
    )
