"""Standard training whose epsilon rises to 0.4 (PAS) on MNIST, in the setting of Liu's thesis.

    python main.py --config=configs/mnist_pas.py

LeNet of width 16, Adam at 1e-4, one period of 100 epochs, PGD with 50 steps of 0.01.
"""

from configs import changes, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return changes.in_periods(common.mnist_landscape("standard"), (100,), peak=1.5)
