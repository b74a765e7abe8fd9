"""A network of the signs of its weights on the embedded digits: BinaryConnect, NeurIPS 2015.

    python main.py --config=configs/digits_binary_connect.py

Standard training of the weights behind the signs, by Courbariaux et al.; the baseline of Liu's
thesis (EPFL 2022), Table 5.7. With --config.model.weights=FOLDER it begins with a trained network.

Not yet measured for a table.
"""

from configs import common


def get_config() -> common.Config:
    """Returns the experiment."""
    return common.binary_connect(common.digits("standard"))
