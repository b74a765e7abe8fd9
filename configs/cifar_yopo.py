"""YOPO-5-3 on CIFAR-10: Zhang et al. 2019, 36 epochs.

    python main.py --config=configs/cifar_yopo.py:model=preact_resnet18

Paper, with WideResNet-34, as Liu's thesis cites it (AutoAttack, %): 44.83.
"""

from configs import arguments, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    config = common.cifar("yopo", arg, **arguments.yopo(num_steps=3))
    config.total_epochs = 36
    config.data.batch_size = 256
    config.optimizer.learning_rate = 0.2
    config.optimizer.drop_epochs = (30, 34)
    config.optimizer.weight_decay = 5e-4
    return config
