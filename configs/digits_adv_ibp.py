"""AdvIBP on the embedded digits: Fan & Li 2021.

    python main.py --config=configs/digits_adv_ibp.py
    python main.py --config=configs/digits_adv_ibp.py --mode=certify

The second command proves what it has trained.
"""

from configs import certified, common


def get_config() -> common.Config:
    """Returns the experiment."""
    own = certified.adv_ibp_arguments(short=True) | {"ramp_epochs": 20}
    return certified.digits("adv_ibp", **own)
