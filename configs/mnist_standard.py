"""Standard (PGD) adversarial training on MNIST: Wang et al. 2019, section 5.1, Table 1.

    python main.py --config=configs/mnist_standard.py

Paper, accuracy in % (clean / FGSM / PGD-10 / PGD-20 / C&W-linf):
97.61 / 94.71 / 91.21 / 90.62 / 91.03.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist("standard")
