"""SABR on CIFAR-10: Müller et al. 2023.

    python main.py --config=configs/cifar_sabr.py
    python main.py --config=configs/cifar_sabr.py:epsilon=2/255,short

Paper, verified accuracy in %: 62.84 at 2/255, 35.13 at 8/255.
"""

from configs import certified, common


def get_config(arg: str | None = None) -> common.Config:
    """Returns the experiment."""
    at_2 = {"share": 0.1, "l1": 1e-6, "keeps": 0.8}
    own = certified.sabr_arguments(share=0.7, l1=0.0)
    return certified.cifar("sabr", arg, {2: at_2}, **own)
