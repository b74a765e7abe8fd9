"""Fast adversarial training (FGSM-RS) on the embedded digits.

    python main.py --config=configs/digits_fast.py

Measured 2026-11-27, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf):
97.22 / 66.11 / 58.33 / 56.67 / 59.72.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    config = common.digits(
        "fast",
        step_share=1.25,
        num_steps=0,
        weak_epochs=0,  # Amata + Fast: epochs with a fixed start before those with a random one
    )
    return common.cyclic(config, learning_rate=0.05)
