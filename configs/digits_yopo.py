"""YOPO-5-3 on the embedded digits: Zhang et al. 2019.

    python main.py --config=configs/digits_yopo.py

Measured 2026-11-27, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf):
95.00 / 67.78 / 62.78 / 61.94 / 64.17.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("yopo", **arguments.yopo(num_steps=3))
