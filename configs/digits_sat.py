"""Self-adaptive training on the embedded digits: Huang et al. 2020 with TRADES.

    python main.py --config=configs/digits_sat.py

Before `warm_up_epochs` this is TRADES.

Measured 2026-11-27, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf):
92.22 / 75.56 / 72.78 / 72.50 / 67.22.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("sat", **arguments.sat(warm_up_epochs=12))
