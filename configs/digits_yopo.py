"""YOPO-5-3 on the embedded digits: Zhang et al. 2019.

    python main.py --config=configs/digits_yopo.py

Zhang et al. have no numbers for these images.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("yopo", **common.yopo_arguments(num_steps=3))
