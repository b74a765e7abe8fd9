"""MTL-IBP on the embedded digits: De Palma et al. 2024.

    python main.py --config=configs/digits_mtl_ibp.py
    python main.py --config=configs/digits_mtl_ibp.py --mode=certify

The second command proves what it has trained.
"""

from configs import certified, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return certified.digits("mtl_ibp", **certified.expressive_arguments(0.1, 1e-6))
