"""PER+at on CIFAR-10: Liu 2022 (thesis), section 3.3, Table 3.5, CNN.

    python main.py --config=configs/cifar_per.py

Paper, L-PER+at at 2/255, errors in % (clean / PGD / linear bounds / exact): 28.87 / 43.55 / 56.59 /
48.43.
"""

from configs import certified, common


def get_config() -> common.Config:
    """Returns the experiment."""
    own = certified.per_arguments(beta=0.001, examples=10) | {"alpha": 0.1}
    config = common.cifar("per", **own)
    certified.with_model(config, "dm_small")
    config.defense.epsilon = 2 / 255
    return certified.enveloped(config, drop_epochs=(90,))
