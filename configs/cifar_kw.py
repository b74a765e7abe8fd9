"""KW on CIFAR-10: Wong & Kolter 2018, the baseline of Liu 2022 (thesis), section 3.3.

    python main.py --config=configs/cifar_kw.py
    python main.py --config=configs/cifar_kw.py:epsilon=2/255,short

Fully connected, one hidden layer of 1,024; `short` is 30 epochs.
"""

from configs import certified, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    return certified.with_model(certified.cifar("kw", arg, warm_up=None), "fc1")
