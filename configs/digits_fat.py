"""Friendly adversarial training on the embedded digits.

    python main.py --config=configs/digits_fat.py

Measured 2026-11-27, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf):
97.22 / 75.83 / 65.83 / 65.00 / 67.22.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits(
        "fat",
        tau_epochs=(12, 22),  # 0-based, tau grows by one as each begins
    )
