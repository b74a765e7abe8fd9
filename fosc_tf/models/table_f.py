"""The ten networks A to J on which AdvIBP is compared with CROWN-IBP.

network = models.get("table_f_a", input_shape=(28, 28, 1), num_classes=10)
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from fosc_tf.models.layers import Layers
from fosc_tf.models.registry import register
from fosc_tf.models.stack import Convolution, smallest_side, stack

# For each letter: filters, size, strides and padding of each convolution; hidden dense units.
TABLE_F = {
    "a": ([(8, 3, 2, 0), (16, 3, 1, 0)], 100),
    "b": ([(16, 3, 2, 0), (32, 3, 1, 0)], 100),
    "c": ([(32, 3, 2, 0), (64, 3, 1, 0)], 100),
    "d": ([(8, 4, 2, 1), (16, 4, 1, 1)], 512),
    "e": ([(16, 4, 2, 1), (32, 4, 1, 1)], 512),
    "f": ([(32, 4, 2, 1), (64, 4, 1, 1)], 512),
    "g": ([(8, 3, 2, 0), (16, 3, 1, 0), (32, 3, 1, 0), (64, 3, 1, 0)], 512),
    "h": ([(16, 3, 2, 0), (32, 3, 1, 0), (64, 3, 1, 0), (128, 3, 1, 0)], 512),
    "i": ([(8, 3, 1, 1), (8, 4, 2, 1), (16, 3, 1, 1), (16, 4, 2, 1)], 512),
    "j": ([(16, 3, 1, 1), (16, 4, 2, 1), (32, 3, 1, 1), (32, 4, 2, 1)], 512),
}


def _register(letter: str, convolutions: Sequence[Convolution], units: int) -> None:
    def network(
        make: Layers, x: keras.KerasTensor, *, activation: str = "relu", batch_norm: bool = False
    ) -> keras.KerasTensor:
        return stack(
            make,
            x,
            convolutions=convolutions,
            dense=(units,),
            activation=activation,
            batch_norm=batch_norm,
        )

    layers = ", ".join(
        f"conv {size}x{size} {filters}" + (" of stride 2" if strides == 2 else "")
        for filters, size, strides, _ in convolutions
    )
    network.__doc__ = f"""{layers}, dense {units}, logits.

    Source: Fan & Li (AAAI 2021), table F, network {letter.upper()}; paddings from the authors'
    public code: where all convolutions are 3x3 none, else one pixel of zeros on every side.
    Departures: those of `dm_small`; that code gives G to J a second dense layer of 512, which the
    table does not have.
    Arguments: those of `dm_small`.
    """
    register(f"table_f_{letter}", smallest_side=smallest_side(convolutions))(network)


for _letter, (_convolutions, _units) in TABLE_F.items():
    _register(_letter, [Convolution(*each) for each in _convolutions], _units)
