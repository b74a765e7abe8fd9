"""Amata on MNIST: Ye et al. 2021, Table 1, setting 1.

    python main.py --config=configs/mnist_amata.py

Paper, accuracy in % of a LeNet under PGD-40: 91.47 (its PGD-40 training: 90.56), in 698 seconds
(1,086); with `--config.defense.least_steps=10`: 91.46 in 760 seconds. Here the network, epochs and
learning rate are those of the other MNIST experiments.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist(
        "amata",
        step_share=1 / 30,  # 0.01 at epsilon 0.3
        num_steps=40,
        **arguments.amata(least_steps=5),
    )
