"""ATTA on the embedded digits: Zheng et al. 2020, one step an epoch.

    python main.py --config=configs/digits_atta.py

Measured 2026-11-27, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf):
95.83 / 74.44 / 65.28 / 64.17 / 66.11.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("atta", num_steps=1, step_share=0.5, **arguments.memory(10))
