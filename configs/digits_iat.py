"""Instance adaptive training on the embedded digits: Balaji et al. 2019.

    python main.py --config=configs/digits_iat.py

The column `radius` is the mean radius that the images trained on were found in.

Measured 2026-11-27, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf):
96.67 / 71.11 / 63.33 / 61.67 / 63.61.
"""

from configs import changes, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return changes.adapting_radii(common.digits("iat"), warm_up_epochs=3)
