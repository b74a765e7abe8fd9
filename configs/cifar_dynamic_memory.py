"""Dynamic training with memory on CIFAR-10, in the schedule of Wang et al. 2019.

    python main.py --config=configs/cifar_dynamic_memory.py

The method is ours; on these images it has not been measured.
"""

from configs import common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    arguments = common.dynamic_memory_arguments(control_epochs=100)
    return common.cifar("dynamic_memory", arg, **arguments)
