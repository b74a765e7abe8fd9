"""Dynamic training with Amata's annealed steps on MNIST.

    python main.py --config=configs/mnist_amata_dynamic.py

A combination that no paper prints numbers for; settings of `mnist_dynamic`.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist(
        "dynamic",
        least_steps=2,  # K of the first epoch, rising to num_steps
        **arguments.dynamic(control_epochs=40),
    )
