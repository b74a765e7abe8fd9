"""Dynamic adversarial training on MNIST: Wang et al. 2019, section 5.1, Table 1.

    python main.py --config=configs/mnist_dynamic.py

Paper, accuracy in % (clean / FGSM / PGD-10 / PGD-20 / C&W-linf):
97.96 / 95.34 / 91.63 / 91.27 / 91.47.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist("dynamic", **arguments.dynamic(control_epochs=40))
