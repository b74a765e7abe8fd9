"""FGSM-PGD adversarial training on MNIST: the recipe of Wang et al. 2019, section 3.2.

    python main.py --config=configs/mnist_fgsm_pgd.py

The paper shows it on CIFAR-10 only, FGSM for 20 of 120 epochs; here for 10 of 50.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist(
        "fgsm_pgd",
        fgsm_epochs=10,  # epochs of FGSM before those of PGD
    )
