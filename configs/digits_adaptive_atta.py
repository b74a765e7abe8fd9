"""ATTA with adaptive targets and weights on the embedded digits: Liu 2022 (thesis), section 4.3.5.

    python main.py --config=configs/digits_adaptive_atta.py

Means over the epoch: `weight` is 1, `target_of_label` what the targets give to the labels.

Measured 2026-11-27, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf):
90.28 / 67.50 / 60.28 / 59.17 / 59.44.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("adaptive_atta", **arguments.adaptive_atta(warm_up_epochs=5))
