"""ATAS on the embedded digits: Huang et al. 2022.

    python main.py --config=configs/digits_atas.py

Huang et al. have no numbers for these images.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("atas", **common.atas_arguments())
