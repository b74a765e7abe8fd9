"""KW on MNIST: Wong & Kolter 2018, the baseline of Liu 2022 (thesis), section 3.3.

    python main.py --config=configs/mnist_kw.py
    python main.py --config=configs/mnist_kw.py:epsilon=0.1,short

`short` is 25 epochs.
"""

from configs import common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    config = common.certified_mnist("kw", arg, warm_up=None)
    with config.unlocked():
        config.model = common.Config({"name": "fc1", "weights": "", "initialization": "keras"})
    return config
