"""Adversarial fine-tuning on CIFAR-10: Liu 2022 (thesis), section 4.3.5.

    python main.py --config=configs/cifar_fine_tuning.py

Begins with a robust network, --config.model.weights=FOLDER of a finished run or its export.
Thesis, Table 4.7, WideResNet-34, 500,000 extra images, one epoch, AutoAttack in %: 52.01 before,
54.11 by plain adversarial training, 54.69 with weights, 54.73 with the divergence, 54.69 with both.
"""

from configs import changes, common

ARGUMENTS = {
    "reweight": True,  # examples by the probability of their label
    "beta": 6.0,  # weight of the divergence of clean and adversarial predictions; 0 none
}


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    return changes.fine_tuning(
        common.cifar("fine_tuning", arg or "model=preact_resnet18", **ARGUMENTS)
    )
