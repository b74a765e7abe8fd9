"""Free on MNIST: Shafahi et al. 2019, eight replays, in the schedule of Wang et al. 2019.

    python main.py --config=configs/mnist_free.py

Shafahi et al. have no numbers for MNIST.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    config = common.mnist("free", **arguments.free(replays=8))
    config.total_epochs = 48  # of weight updates: six passes over the images
    return config
