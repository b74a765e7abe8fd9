"""Instance adaptive training on the embedded digits: Balaji et al. 2019.

    python main.py --config=configs/digits_iat.py

The column `radius` is the mean radius that the images trained on were found in.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.adapting_radii(common.digits("iat"), warm_up_epochs=3)
