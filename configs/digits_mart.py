"""MART on the embedded digits: Wang et al. 2020.

    python main.py --config=configs/digits_mart.py

Accuracy is at the adversarial images, `divergence` in nats.

Measured 2026-11-27, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf):
92.22 / 71.11 / 66.67 / 65.83 / 65.00.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("mart", **arguments.divergence(5.0))
