"""Standard training whose epsilon rises in periods (PAS) on CIFAR-10, as in Liu's thesis.

    python main.py --config=configs/cifar_pas.py
    python main.py --config=configs/cifar_pas.py:periods=1

Three periods, of 100, 50 and 50 epochs, or one of 200. The rate is divided by ten after half and
after three quarters of each period; the thesis shows its rates in a figure only.
"""

from configs import changes, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    periods = common.option(arg, "periods", ("3", "1"))
    config = changes.strong(common.cifar("standard", "model=preact_resnet18"))
    return changes.in_periods(config, (100, 50, 50) if periods == "3" else (200,))
