"""Dynamic training with memory on CIFAR-10, in the schedule of Wang et al. 2019.

    python main.py --config=configs/cifar_dynamic_memory.py

The method is ours; on these images it has not been measured.
"""

from configs import arguments, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    own = arguments.dynamic_memory(control_epochs=100)
    return common.cifar("dynamic_memory", arg, **own)
