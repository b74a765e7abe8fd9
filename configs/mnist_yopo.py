"""YOPO-5-10 on MNIST: Zhang et al. 2019, in the schedule of Wang et al. 2019.

    python main.py --config=configs/mnist_yopo.py

The authors train a network of their own without batch norm, in batches of 256 for 40 epochs. In 15
epochs of this network, which has it, training collapses (results/README.md);
`--config.model.name=mnist_small` has none.
"""

from configs import arguments, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.mnist("yopo", **arguments.yopo(num_steps=10, step_share=1 / 30))
