"""FGSM training with gradient alignment on the embedded digits.

    python main.py --config=configs/digits_grad_align.py

Measured 2026-11-27, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf):
95.56 / 67.50 / 59.17 / 56.94 / 61.11.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    config = common.digits(
        "grad_align",
        step_share=1.0,
        num_steps=0,
        alignment=0.2,  # weight of 1 - cosine
    )
    return common.cyclic(config, learning_rate=0.05)
