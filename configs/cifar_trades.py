"""TRADES on CIFAR-10: Zhang et al. 2019, with the recipe of Rice et al. 2020.

    python main.py --config=configs/cifar_trades.py

The authors' own recipes are a WideResNet-34-10 with other rates; `:model=wide_resnet_34_10`.
"""

from configs import arguments, changes, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    return changes.strong(
        common.cifar("trades", arg or "model=preact_resnet18", **arguments.divergence(6.0))
    )
