"""Instance adaptive training on CIFAR-10: Balaji et al. 2019, as in Liu 2022 (thesis).

    python main.py --config=configs/cifar_iat.py

PreAct-ResNet-18, 200 epochs; the thesis has a ResNet-18.
"""

from configs import changes, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    config = changes.strong(common.cifar("iat", arg or "model=preact_resnet18"))
    return changes.adapting_radii(config, warm_up_epochs=5)
