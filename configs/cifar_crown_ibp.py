"""CROWN-IBP on CIFAR-10: Zhang et al. 2020, the recipe of Shi et al. 2021.

    python main.py --config=configs/cifar_crown_ibp.py
    python main.py --config=configs/cifar_crown_ibp.py:epsilon=2/255,short

For GPUs; `short` is DM-small in 30 epochs.
"""

from configs import certified, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    return certified.cifar("crown_ibp", arg, **certified.crown_arguments())
