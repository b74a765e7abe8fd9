"""ATAS on the embedded digits: Huang et al. 2022.

    python main.py --config=configs/digits_atas.py

Measured 2026-11-27, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf):
96.39 / 73.06 / 65.83 / 63.33 / 64.17.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("atas", **arguments.atas())
