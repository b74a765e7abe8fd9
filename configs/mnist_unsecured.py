"""Unsecured training on MNIST: Wang et al. 2019, section 5.1, Table 1.

    python main.py --config=configs/mnist_unsecured.py

Paper, accuracy in % (clean / FGSM / PGD-10 / PGD-20 / C&W-linf):
99.20 / 14.04 / 0 / 0 / 0.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist("unsecured")
