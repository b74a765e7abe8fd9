"""Dynamic adversarial training on CIFAR-10: Wang et al. 2019, section 5.1, Tables 1 and 3.

    python main.py --config=configs/cifar_dynamic.py

Paper, accuracy in % (clean / FGSM / PGD-10 / PGD-20 / C&W-linf):
72.17 / 52.81 / 48.06 / 42.40 / 37.26;
with `:model=wide_resnet_34_10` (clean / FGSM / PGD-20 / C&W-linf):
85.03 / 63.53 / 48.70 / 47.27.
"""

from configs import arguments, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    return common.cifar("dynamic", arg, **arguments.dynamic(control_epochs=100))
