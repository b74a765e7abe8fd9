"""Dynamic adversarial training on the embedded digits.

    python main.py --config=configs/digits_dynamic.py

Measured 2026-11-21, seed 0, two shared cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf):
95.00 / 71.39 / 65.28 / 63.61 / 65.00.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("dynamic", **arguments.dynamic(control_epochs=24))
