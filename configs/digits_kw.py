"""KW on the embedded digits: Wong & Kolter 2018, the baseline of Liu 2022 (thesis), section 3.3.

    python main.py --config=configs/digits_kw.py
    python main.py --config=configs/digits_kw.py --mode=certify

The second command proves what it has trained.
"""

from configs import certified, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return certified.with_model(certified.digits("kw", warm_up=None), "fc1")
