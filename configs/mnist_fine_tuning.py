"""Adversarial fine-tuning on MNIST: Liu 2022 (thesis), section 4.3.5.

    python main.py --config=configs/mnist_fine_tuning.py

Begins with a robust network, --config.model.weights=FOLDER of a finished run or its export.
Extra images in an .npz file: --config.data.extra=more.npz.
"""

from configs import changes, common

ARGUMENTS = {
    "reweight": True,  # examples by the probability of their label
    "beta": 6.0,  # weight of the divergence of clean and adversarial predictions; 0 none
}


def get_config() -> common.Config:
    """Returns the experiment."""
    return changes.fine_tuning(common.mnist("fine_tuning", **ARGUMENTS))
