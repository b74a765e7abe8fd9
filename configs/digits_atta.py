"""ATTA on the embedded digits: Zheng et al. 2020, one step an epoch.

    python main.py --config=configs/digits_atta.py

Zheng et al. have no numbers for these images.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("atta", num_steps=1, step_share=0.5, **common.memory_arguments(10))
