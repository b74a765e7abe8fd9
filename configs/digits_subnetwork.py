"""A robust part of a random network on the embedded digits: Liu 2022 (thesis), section 5.1.

    python main.py --config=configs/digits_subnetwork.py

Standard training of scores; nine weights of ten go, and those that stay are -1 or 1.

Not yet measured for a table.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.subnetwork(common.digits("standard"), rate=0.9)
