"""MTL-IBP on MNIST: De Palma et al. 2024.

    python main.py --config=configs/mnist_mtl_ibp.py
    python main.py --config=configs/mnist_mtl_ibp.py:epsilon=0.1,short

Paper, verified accuracy in % with CNN7 (branch and bound): 98.43 at 0.1 (CC-IBP).
"""

from configs import certified, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    of_epsilon = {
        0.1: {"alpha": 0.01, "l1": 1e-5, "train_factor": 2.0},
        0.3: {"train_factor": 4 / 3},
    }
    own = certified.expressive_arguments(alpha=0.08, l1=1e-6)
    return certified.mnist("mtl_ibp", arg, of_epsilon, **own)
