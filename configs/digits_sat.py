"""Self-adaptive training on the embedded digits: Huang et al. 2020 with TRADES.

    python main.py --config=configs/digits_sat.py

Before `warm_up_epochs` this is TRADES.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("sat", **common.sat_arguments(warm_up_epochs=12))
