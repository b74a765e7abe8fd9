"""Standard training whose epsilon rises in periods (PAS), on the embedded digits.

    python main.py --config=configs/digits_pas.py

Two periods of 15 epochs; evaluated are the last network, the best one and both periods' ensemble.

Measured 2026-11-28, seed 0, two shared x86-64 cores; accuracy in % (clean / FGSM / PGD-10 /
PGD-20 / C&W-linf), last network 97.22 / 69.44 / 61.94 / 61.11 / 61.39, ensemble 96.67 / 67.78 /
61.11 / 60.28 / 61.39.
"""

from configs import changes, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return changes.in_periods(common.digits("standard"), (15, 15))
