"""A robust part of a random network on the embedded digits: Liu 2022 (thesis), section 5.1.

    python main.py --config=configs/digits_subnetwork.py

Standard training of scores; nine weights of ten go, and those that stay are -1 or 1.

Measured 2026-11-28, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf):
93.61 / 59.72 / 53.33 / 50.56 / 45.00.
Its checks say that PGD-20 has not converged: of 100 images PGD-100 with restarts leaves 57 where
PGD-20 leaves 63, and Square 56.
"""

from configs import changes, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return changes.subnetwork(common.digits("standard"), rate=0.9)
