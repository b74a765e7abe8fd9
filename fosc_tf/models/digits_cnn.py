"""A CNN that trains in seconds on 8x8 digits, for examples and tests.

network = models.get("digits_cnn", input_shape=(8, 8, 1), num_classes=10)
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from fosc_tf.models.frame import Frame
from fosc_tf.models.layers import Layers
from fosc_tf.models.registry import models


@models.register("digits_cnn")
def digits_cnn(
    *,
    input_shape: Sequence[int],
    num_classes: int,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    seed: int = 0,
) -> keras.Model:
    """conv 3x3 32, conv 3x3 64, max pool 2, dense 128, logits; ReLUs, no batch normalisation.

    Of this project, not of a paper. Convolutions pad "same"; Keras' initialisation (Glorot
    uniform).

    Args:
        input_shape: (height, width, channels), sides >= 2; made for (8, 8, 1).
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
    frame = Frame(
        input_shape=input_shape, num_classes=num_classes, mean=mean, std=std, smallest_side=2
    )
    x = frame.pixels
    for index, filters in enumerate((32, 64), start=1):
        x = make.conv(filters, name=f"conv{index}")(x)
        x = keras.layers.ReLU(name=f"relu{index}")(x)
    x = keras.layers.MaxPooling2D(2, name="pool1")(x)  # side 8 -> 4
    x = keras.layers.Flatten(name="flatten")(x)
    x = make.dense(128, name="dense1")(x)
    x = keras.layers.ReLU(name="relu3")(x)
    return frame.network("digits_cnn", make.logits(frame.num_classes)(x))
