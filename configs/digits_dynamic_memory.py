"""Dynamic training with memory on the embedded digits.

    python main.py --config=configs/digits_dynamic_memory.py

The method is ours; results/README.md has what it was measured at.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("dynamic_memory", **common.dynamic_memory_arguments(control_epochs=24))
