"""Dynamic training with memory on MNIST, in the schedule of Wang et al. 2019.

    python main.py --config=configs/mnist_dynamic_memory.py

The method is ours; results/README.md has what it was measured at.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist("dynamic_memory", **common.dynamic_memory_arguments(control_epochs=40))
