"""ATTA with adaptive targets and weights on the embedded digits: Liu 2022 (thesis), section 4.3.5.

    python main.py --config=configs/digits_adaptive_atta.py

Means over the epoch: `weight` is 1, `target_of_label` what the targets give to the labels.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("adaptive_atta", **common.adaptive_atta_arguments(warm_up_epochs=5))
