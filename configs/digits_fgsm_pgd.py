"""FGSM-PGD adversarial training on the embedded digits.

    python main.py --config=configs/digits_fgsm_pgd.py

Not yet measured for a table.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.digits(
        "fgsm_pgd",
        fgsm_epochs=5,  # epochs of FGSM before those of PGD
    )
