"""A robust part of a random network on CIFAR-10: Liu 2022 (thesis), section 5.1, Tables 5.2, 5.4.

    python main.py --config=configs/cifar_subnetwork.py

Standard training of scores of a ResNet-34; of 21,265,088 weights 212,650 stay, each -1 or 1.

Thesis, accuracy in % (clean / AutoAttack): 76.59 / 45.06; with --config.subnetwork.gamma=1 the
latter is 34.57. Its scores begin in +- 0.001 there, here in +- 0.01, which it gives 44.88.
"""

from configs import changes, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    config = changes.subnetwork(common.cifar("standard", arg or "model=resnet34"))
    with config.unlocked():
        config.model.batch_norm_momentum = 0.9  # share of the statistics that a step keeps
    config.total_epochs = 400
    config.data.batch_size = 256
    return config
