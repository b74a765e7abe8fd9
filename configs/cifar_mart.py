"""MART on CIFAR-10: Wang et al. 2020, with the recipe of Rice et al. 2020.

    python main.py --config=configs/cifar_mart.py

The authors' own recipes are a WideResNet-34-10 with other rates; `:model=wide_resnet_34_10`.
"""

from configs import arguments, changes, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    return changes.strong(
        common.cifar("mart", arg or "model=preact_resnet18", **arguments.divergence(5.0))
    )
