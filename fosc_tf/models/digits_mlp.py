"""A multilayer perceptron that trains in seconds on 8x8 digits, for examples and tests.

network = models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10)
"""

from __future__ import annotations

import keras

from fosc_tf.models.layers import Layers
from fosc_tf.models.registry import register


@register("digits_mlp", batch_norm=False)
def digits_mlp(make: Layers, x: keras.KerasTensor) -> keras.KerasTensor:
    """Two hidden layers of 128 with ReLU, logits; no batch normalisation.

    Of this project, not of a paper. Keras' initialisation (Glorot uniform).
    """
    x = keras.layers.Flatten(name="flatten")(x)
    for index in (1, 2):
        x = make.dense(128, name=f"dense{index}")(x)
        x = keras.layers.ReLU(name=f"relu{index}")(x)
    return x
