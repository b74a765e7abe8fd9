"""A robust part of a random network on MNIST: Liu 2022 (thesis), section 5.1.

    python main.py --config=configs/mnist_subnetwork.py
    python main.py --config=configs/mnist_subnetwork.py:defense=atta

Standard training of scores; nine weights of ten go, and those that stay are -1 or 1. With ATTA, the
thesis' fast one (section 5.2), of a smaller network, it takes minutes. Of this project: the thesis
trains on CIFAR and ImageNet.

Not yet measured for a table.
"""

from configs import arguments, changes, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    fast = common.option(arg, "defense", ("standard", "atta")) == "atta"
    if fast:
        config = common.mnist("atta", num_steps=1, **arguments.memory(reset_epochs=0))
        config.model.name, config.total_epochs = "mnist_small", 10
    else:
        config = common.mnist("standard")
    with config.unlocked():
        config.model.batch_norm_momentum = 0.9  # share of the statistics that a step keeps
        if fast:
            config.model.batch_norm = True
            config.model.width = 1.0  # factor on filters and units
    return changes.subnetwork(config, rate=0.9)
