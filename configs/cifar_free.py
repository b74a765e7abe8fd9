"""Free on CIFAR-10: Shafahi et al. 2019, eight replays, 80,000 updates.

    python main.py --config=configs/cifar_free.py:model=wide_resnet_34_10

Paper, accuracy in % (clean / PGD-20 / C&W-linf), WideResNet-32-10: 85.96 / 46.33 / 46.60.
"""

from configs import arguments, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    config = common.cifar("free", arg, **arguments.free(replays=8))
    config.total_epochs = 208  # of weight updates: 26 passes over the images
    config.optimizer.learning_rate = 0.1
    config.optimizer.drop_epochs = (104, 156)
    config.optimizer.weight_decay = 2e-4
    return config
