"""CC-IBP on MNIST: De Palma et al. 2024.

    python main.py --config=configs/mnist_cc_ibp.py
    python main.py --config=configs/mnist_cc_ibp.py:epsilon=0.1,short

`short` is 25 epochs.
"""

from configs import certified, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    of_epsilon = {
        0.1: {"alpha": 0.1, "l1": 2e-6, "train_factor": 2.0},
        0.3: {"train_factor": 4 / 3},
    }
    own = certified.expressive_arguments(alpha=0.3, l1=3e-6)
    return certified.mnist("cc_ibp", arg, of_epsilon, **own)
