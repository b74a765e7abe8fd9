"""Instance adaptive training on MNIST: Balaji et al. 2019.

    python main.py --config=configs/mnist_iat.py

The setting is that of the other MNIST experiments.
"""

from configs import changes, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return changes.adapting_radii(common.mnist("iat"), warm_up_epochs=5)
