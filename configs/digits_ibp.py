"""IBP on the embedded digits: Gowal et al. 2018, the recipe of Shi et al. 2021.

    python main.py --config=configs/digits_ibp.py
    python main.py --config=configs/digits_ibp.py --mode=certify

The second command proves what it has trained.
"""

from configs import certified, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return certified.digits("ibp", **certified.interval_arguments())
