"""A network of the signs of its weights on the embedded digits: BinaryConnect, NeurIPS 2015.

    python main.py --config=configs/digits_binary_connect.py

Standard training of the weights behind the signs, by Courbariaux et al.; the baseline of Liu's
thesis (EPFL 2022), Table 5.7. With --config.model.weights=FOLDER it begins with a trained network.

Measured 2026-11-28, seed 0, two shared x86-64 cores; accuracy in % of the last network (clean /
FGSM / PGD-10 / PGD-20 / C&W-linf), all weights kept, one bit each:
92.78 / 58.89 / 53.33 / 53.06 / 47.50.
"""

from configs import changes, common


def get_config() -> common.Config:
    """Returns the experiment."""
    return changes.binary_connect(common.digits("standard"))
