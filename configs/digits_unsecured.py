"""Unsecured training on the embedded digits: clean images only.

    python main.py --config=configs/digits_unsecured.py

Measured 2026-11-21, seed 0, two shared cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf):
94.17 / 20.83 / 5.83 / 5.56 / 6.39.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("unsecured")
