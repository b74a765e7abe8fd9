"""Curriculum adversarial training on MNIST: Wang et al. 2019, section 5.1, Table 1.

    python main.py --config=configs/mnist_curriculum.py

Paper, accuracy in % (clean / FGSM / PGD-10 / PGD-20 / C&W-linf):
98.62 / 95.51 / 91.24 / 90.65 / 91.12.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist(
        "curriculum",
        mixing=True,  # early lessons in each batch too, so that they are not forgotten
    )
