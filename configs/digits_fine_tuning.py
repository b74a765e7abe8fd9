"""Adversarial fine-tuning on the embedded digits: Liu 2022 (thesis), section 4.3.5.

    python main.py --config=configs/digits_fine_tuning.py

Begins with a robust network, --config.model.weights=FOLDER of a finished run or its export.
Without extra images it goes on with those that the network has seen.

Measured 2026-11-27, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf), after digits_mart:
88.61 / 68.61 / 63.61 / 62.78 / 62.50.
"""

from configs import changes, common

ARGUMENTS = {
    "reweight": True,  # examples by the probability of their label
    "beta": 6.0,  # weight of the divergence of clean and adversarial predictions; 0 none
}


def get_config() -> common.Config:
    """Returns the experiment."""
    return changes.fine_tuning(common.digits("fine_tuning", **ARGUMENTS))
