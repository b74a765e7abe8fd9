"""Unsecured training on the embedded digits: clean images only.

    python main.py --config=configs/digits_unsecured.py

TIME-digits
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("unsecured")
