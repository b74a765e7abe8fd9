"""Standard training whose epsilon rises in periods (PAS), on the embedded digits.

    python main.py --config=configs/digits_pas.py

Two periods of 15 epochs; evaluated are the last network, the best one and both periods' ensemble.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.in_periods(common.digits("standard"), (15, 15))
