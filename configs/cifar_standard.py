"""Standard (PGD) adversarial training on CIFAR-10: Wang et al. 2019, section 5.1, Tables 1 and 3.

    python main.py --config=configs/cifar_standard.py

Paper, accuracy in % (clean / FGSM / PGD-10 / PGD-20 / C&W-linf):
66.31 / 48.65 / 44.39 / 40.02 / 36.33;
with `:model=wide_resnet_34_10` (clean / FGSM / PGD-20 / C&W-linf):
87.3 / 56.1 / 45.8 / 46.8.
"""

from configs import common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    return common.cifar("standard", arg)
