"""Curriculum adversarial training on CIFAR-10: Wang et al. 2019, section 5.1, Tables 1 and 3.

    python main.py --config=configs/cifar_curriculum.py

Paper, accuracy in % (clean / FGSM / PGD-10 / PGD-20 / C&W-linf):
72.40 / 50.47 / 45.54 / 40.12 / 35.77;
with `:model=wide_resnet_34_10` (clean / FGSM / PGD-20 / C&W-linf):
77.43 / 57.17 / 46.06 / 42.28.
"""

from configs import common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    return common.cifar(
        "curriculum",
        arg,
        mixing=True,  # early lessons in each batch too, so that they are not forgotten
    )
