"""Unsecured training on CIFAR-10: Wang et al. 2019, section 5.1, Table 1.

    python main.py --config=configs/cifar_unsecured.py

Paper, accuracy in % (clean / FGSM / PGD-10 / PGD-20 / C&W-linf):
89.39 / 2.2 / 0 / 0 / 0.
"""

from configs import common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    return common.cifar("unsecured", arg)
