"""PER+at on CIFAR-10: Liu 2022 (thesis), section 3.3, Table 3.5, CNN.

    python main.py --config=configs/cifar_per.py

Paper, L-PER+at at 2/255, errors in % (clean / PGD / linear bounds / exact): 28.87 / 43.55 / 56.59 /
48.43.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    own = common.per_arguments(beta=0.001, examples=10) | {"alpha": 0.1}
    config = common.cifar("per", **own)
    with config.unlocked():
        config.model = common.Config({"name": "dm_small", "weights": "", "initialization": "keras"})
    config.defense.epsilon = 2 / 255
    return common.enveloped(config, drop_epochs=(90,))
