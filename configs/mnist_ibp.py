"""IBP on MNIST: Gowal et al. 2018, the recipe of Shi et al. 2021.

    python main.py --config=configs/mnist_ibp.py
    python main.py --config=configs/mnist_ibp.py:epsilon=0.1,short

Verified error at 0.3, in %: 6.90 with CNN7 (Shi et al.); 10.80, with a clean error of 4.15, by
AdvIBP with DM-small without batch norm in 250 epochs (Fan & Li 2021).
"""

from configs import certified, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    return certified.mnist("ibp", arg, **certified.interval_arguments())
