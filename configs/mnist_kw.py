"""KW on MNIST: Wong & Kolter 2018, the baseline of Liu 2022 (thesis), section 3.3.

    python main.py --config=configs/mnist_kw.py
    python main.py --config=configs/mnist_kw.py:epsilon=0.1,short

`short` is 25 epochs.
"""

from configs import certified, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    return certified.with_model(certified.mnist("kw", arg, warm_up=None), "fc1")
