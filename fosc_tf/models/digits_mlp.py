"""A multilayer perceptron that trains in seconds on 8x8 digits, for examples and tests.

network = models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10)
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from fosc_tf.models.frame import Frame
from fosc_tf.models.layers import Layers
from fosc_tf.models.registry import models


@models.register("digits_mlp")
def digits_mlp(
    *,
    input_shape: Sequence[int],
    num_classes: int,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    seed: int = 0,
) -> keras.Model:
    """Two hidden layers of 128 with ReLU, logits; no batch normalisation.

    Of this project, not of a paper. Keras' initialisation (Glorot uniform).

    Args:
        input_shape: (height, width, channels); made for (8, 8, 1).
        num_classes: number of logits, at least 2.
        mean: per channel in [0, 1]; None for no standardisation.
        std: per channel in (0, 1]; None for no standardisation.
        seed: fixes the weights.

    Returns:
        Model from float32 [batch, height, width, channels] in [0, 1] to float32 logits
        [batch, num_classes].

    Raises:
        UserError: an argument out of its range.
    """
    make = Layers(seed=seed)
    frame = Frame(input_shape=input_shape, num_classes=num_classes, mean=mean, std=std)
    x = keras.layers.Flatten(name="flatten")(frame.pixels)
    for index in (1, 2):
        x = make.dense(128, name=f"dense{index}")(x)
        x = keras.layers.ReLU(name=f"relu{index}")(x)
    return frame.network("digits_mlp", make.logits(frame.num_classes)(x))
