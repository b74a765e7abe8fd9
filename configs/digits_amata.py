"""Amata, annealed PGD training, on the embedded digits.

    python main.py --config=configs/digits_amata.py

Measured 2026-11-27, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf):
95.56 / 73.06 / 66.94 / 66.39 / 67.22.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("amata", **arguments.amata())
