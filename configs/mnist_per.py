"""PER+at on MNIST: Liu 2022 (thesis), section 3.3, Table 3.5, FC1.

    python main.py --config=configs/mnist_per.py

Paper, L-PER+at at 0.1, errors in % (clean / PGD / linear bounds / exact):
1.81 / 7.73 / 12.90 / 8.22; L-PER, `--config.defense.attacked=False`: 1.60 / 7.45 / 11.71 / 7.69.
There the radius doubles from 0.0064 to 0.1024, here from 0.00625.
"""

from configs import certified, common


def get_config() -> common.Config:
    """Returns the experiment."""
    own = certified.per_arguments(beta=0.1) | {"doublings": 4}
    config = common.mnist("per", **own)
    with config.unlocked():
        config.model.name = "fc1"
        config.model.activation = "relu"  # relu | sigmoid | tanh
    config.defense.epsilon = 0.1
    return certified.enveloped(config)
