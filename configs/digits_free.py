"""Free on the embedded digits: Shafahi et al. 2019, four replays.

    python main.py --config=configs/digits_free.py

Measured 2026-11-27, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf):
94.44 / 66.94 / 53.89 / 52.50 / 52.22.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    config = common.digits("free", **arguments.free(replays=4))
    config.total_epochs = 40  # of weight updates: ten passes over the images
    config.optimizer.drop_epochs = (28, 36)
    return config
