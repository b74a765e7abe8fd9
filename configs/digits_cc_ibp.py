"""CC-IBP on the embedded digits: De Palma et al. 2024.

    python main.py --config=configs/digits_cc_ibp.py
    python main.py --config=configs/digits_cc_ibp.py --mode=certify

The second command proves what it has trained.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.certified_digits("cc_ibp", **common.expressive_arguments(0.3, 1e-6))
