"""TRADES on the embedded digits: Zhang et al. 2019.

    python main.py --config=configs/digits_trades.py

Accuracy is at the adversarial images, `divergence` in nats.

Measured 2026-11-27, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf):
92.50 / 72.22 / 70.56 / 70.28 / 67.78.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("trades", **arguments.divergence(6.0))
