"""Dynamic training with Amata's annealed steps on the embedded digits.

    python main.py --config=configs/digits_amata_dynamic.py

Measured 2026-11-27, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf):
95.83 / 71.39 / 64.17 / 63.33 / 65.00.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits(
        "dynamic",
        least_steps=2,  # K of the first epoch, rising to num_steps
        **arguments.dynamic(control_epochs=24),
    )
