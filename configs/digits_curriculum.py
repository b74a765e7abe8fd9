"""Curriculum adversarial training on the embedded digits.

    python main.py --config=configs/digits_curriculum.py

Not yet measured for a table.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits(
        "curriculum",
        mixing=True,  # early lessons in each batch too, so that they are not forgotten
    )
