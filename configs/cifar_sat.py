"""Self-adaptive training on CIFAR-10: Huang et al. 2020, as in Liu 2022 (thesis).

    python main.py --config=configs/cifar_sat.py

PreAct-ResNet-18, 200 epochs; the thesis has a ResNet-18.
"""

from configs import arguments, changes, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    config = common.cifar("sat", arg or "model=preact_resnet18", **arguments.sat(warm_up_epochs=90))
    return changes.strong(config)
