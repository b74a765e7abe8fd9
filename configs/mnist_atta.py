"""ATTA on MNIST: Zheng et al. 2020, one step an epoch, no reset; schedule of Wang et al. 2019.

    python main.py --config=configs/mnist_atta.py

The authors train a network of their own for 60 epochs with steps of 0.01.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist("atta", num_steps=1, step_share=0.5, **arguments.memory(0))
