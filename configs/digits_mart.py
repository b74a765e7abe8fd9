"""MART on the embedded digits: Wang et al. 2020.

    python main.py --config=configs/digits_mart.py

Accuracy is at the adversarial images, `divergence` in nats.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("mart", **common.divergence_arguments(5.0))
