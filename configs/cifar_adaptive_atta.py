"""ATTA with adaptive targets and weights on CIFAR-10: Liu 2022 (thesis), Algorithm 4.1.

    python main.py --config=configs/cifar_adaptive_atta.py

Thesis, WideResNet-34-10, Table 4.6 (AutoAttack, %): 46.15 by weights alone, 51.17 by targets alone.
"""

from configs import arguments, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    config = common.cifar("adaptive_atta", arg, **arguments.adaptive_atta(warm_up_epochs=5))
    config.total_epochs = 38
    config.optimizer.learning_rate = 0.1
    config.optimizer.drop_epochs = (30, 36)
    config.optimizer.weight_decay = 5e-4
    return config
