"""PER+at on the embedded digits: Liu 2022 (thesis), section 3.3.

    python main.py --config=configs/digits_per.py
    python main.py --config=configs/digits_per.py --mode=certify

The second command proves what it has trained.
"""

from configs import certified, common


def get_config() -> common.Config:
    """Returns the experiment."""
    config = common.digits("per", **certified.per_arguments(beta=0.1))
    config.model.name = "fc1"
    config.defense.epsilon, config.defense.alpha = 0.05, 0.075
    return certified.enveloped(config)
