"""Dynamic training with memory on the embedded digits.

    python main.py --config=configs/digits_dynamic_memory.py

Measured 2026-11-27, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf):
98.06 / 71.94 / 61.39 / 60.28 / 63.33.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("dynamic_memory", **arguments.dynamic_memory(control_epochs=24))
