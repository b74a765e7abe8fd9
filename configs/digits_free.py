"""Free on the embedded digits: Shafahi et al. 2019, four replays.

    python main.py --config=configs/digits_free.py

Shafahi et al. have no numbers for these images.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    config = common.digits("free", **common.free_arguments(replays=4))
    config.total_epochs = 40  # of weight updates: ten passes over the images
    config.optimizer.drop_epochs = (28, 36)
    return config
