"""ATTA with adaptive targets and weights on MNIST: Liu 2022 (thesis), section 4.3.5.

    python main.py --config=configs/mnist_adaptive_atta.py

The thesis has no MNIST here; the setting is that of the other MNIST experiments.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist("adaptive_atta", **arguments.adaptive_atta(warm_up_epochs=5))
