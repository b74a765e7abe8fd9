"""Dynamic adversarial training on the embedded digits.

    python main.py --config=configs/digits_dynamic.py

TIME-digits
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits("dynamic", **common.dynamic_arguments(control_epochs=24))
