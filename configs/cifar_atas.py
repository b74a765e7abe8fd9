"""ATAS on CIFAR-10: Huang et al. 2022, 30 epochs.

    python main.py --config=configs/cifar_atas.py:model=preact_resnet18

Paper, accuracy in % (clean / PGD-10 / PGD-50 / AutoAttack), PreAct-ResNet-18:
81.22 / 50.03 / 48.18 / 45.38.
"""

from configs import arguments, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    config = common.cifar("atas", arg, **arguments.atas())
    config.total_epochs = 30
    config.optimizer.learning_rate = 0.1
    config.optimizer.drop_epochs = (24, 28)
    config.optimizer.weight_decay = 5e-4
    return config
