"""ATTA on CIFAR-10: Zheng et al. 2020, one step an epoch, 38 epochs, reset every ten.

    python main.py --config=configs/cifar_atta.py:model=wide_resnet_34_10

Zheng et al. with WideResNet-34-10, epsilon 0.031, as Liu's thesis cites it (AutoAttack, %): 44.48.
"""

from configs import arguments, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    config = common.cifar(
        "atta", arg, num_steps=1, step_share=0.5, **arguments.memory(reset_epochs=10)
    )
    config.total_epochs = 38
    config.data.batch_size = 64
    config.optimizer.learning_rate = 0.1
    config.optimizer.drop_epochs = (30, 36)
    config.optimizer.weight_decay = 2e-4
    return config
