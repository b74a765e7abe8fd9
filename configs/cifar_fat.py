"""Friendly adversarial training on CIFAR-10: the code of Zhang et al. 2020.

    python main.py --config=configs/cifar_fat.py

Its accuracy in % of a WRN-32-10 (clean / FGSM / PGD-20 / C&W-linf), epsilon 0.031:
89.34 / 65.52 / 46.13 / 46.82. `:model=wide_resnet_34_10` is the nearest network here; its rate is
halved once more at epoch 110, here it is not.
"""

from configs import common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    config = common.cifar(
        "fat",
        arg,
        tau_epochs=(50, 90),  # 0-based, tau grows by one as each begins
    )
    config.optimizer.learning_rate = 0.1
    config.optimizer.drop_epochs = (60, 90)
    config.optimizer.weight_decay = 2e-4
    return config
