"""FGSM-PGD adversarial training on CIFAR-10: Wang et al. 2019, section 3.2, Figures 3b and 3c.

    python main.py --config=configs/cifar_fgsm_pgd.py

The paper prints no table for it.
"""

from configs import common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    return common.cifar(
        "fgsm_pgd",
        arg,
        fgsm_epochs=20,  # epochs of FGSM before those of PGD
    )
