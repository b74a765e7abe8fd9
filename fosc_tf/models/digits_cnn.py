"""A CNN that trains in seconds on 8x8 digits, for examples and tests.

network = models.get("digits_cnn", input_shape=(8, 8, 1), num_classes=10)
"""

from __future__ import annotations

import keras

from fosc_tf.models.layers import Layers
from fosc_tf.models.registry import register
from fosc_tf.models.width import scaled


@register("digits_cnn", smallest_side=2, batch_norm=False)
def digits_cnn(make: Layers, x: keras.KerasTensor, *, width: float = 1.0) -> keras.KerasTensor:
    """conv 3x3 32, conv 3x3 64, max pool 2, dense 128, logits; ReLUs, no batch normalisation.

    Of this project, not of a paper. Convolutions pad "same"; Keras' initialisation (Glorot
    uniform).

    Args:
        width: factor > 0 on the filters and on the 128 dense units, rounded, at least 1 each; on
            8x8 pixels 0.315 has about the weights that a rate of 0.9 leaves.
    """
    for index, filters in enumerate((32, 64), start=1):
        x = make.conv(scaled(filters, width), name=f"conv{index}")(x)
        x = keras.layers.ReLU(name=f"relu{index}")(x)
    x = keras.layers.MaxPooling2D(2, name="pool1")(x)  # side 8 -> 4
    x = keras.layers.Flatten(name="flatten")(x)
    x = make.dense(scaled(128, width), name="dense1")(x)
    return keras.layers.ReLU(name="relu3")(x)
