"""CROWN-IBP on the embedded digits: Zhang et al. 2020, the recipe of Shi et al. 2021.

    python main.py --config=configs/digits_crown_ibp.py
    python main.py --config=configs/digits_crown_ibp.py --mode=certify

The second command proves what it has trained.
"""

from configs import certified, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return certified.digits("crown_ibp", **certified.crown_arguments())
