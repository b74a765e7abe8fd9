"""SABR on the embedded digits: Müller et al. 2023.

    python main.py --config=configs/digits_sabr.py
    python main.py --config=configs/digits_sabr.py --mode=certify

The second command proves what it has trained.
"""

from configs import certified, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return certified.digits("sabr", **certified.sabr_arguments())
