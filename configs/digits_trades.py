"""TRADES on the embedded digits: Zhang et al. 2019.

    python main.py --config=configs/digits_trades.py

Accuracy is at the adversarial images, `divergence` in nats.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("trades", **common.divergence_arguments(6.0))
