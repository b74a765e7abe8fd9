"""A robust part of a random network on MNIST: Liu 2022 (thesis), section 5.1.

    python main.py --config=configs/mnist_subnetwork.py
    python main.py --config=configs/mnist_subnetwork.py:defense=atta

Standard training of scores, or ATTA's, the thesis' fast one (section 5.2); nine weights of ten go,
and those that stay are -1 or 1. Of this project: the thesis trains on CIFAR and ImageNet.

Not yet measured for a table.
"""

from configs import common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    defense = common.option(arg, "defense", ("standard", "atta"))
    arguments = common.memory_arguments(0) | {"num_steps": 1} if defense == "atta" else {}
    config = common.subnetwork(common.mnist(defense, **arguments), rate=0.9)
    with config.unlocked():
        config.model.batch_norm_momentum = 0.9  # share of the statistics that a step keeps
    return config
