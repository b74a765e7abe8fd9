"""The 8-layer CNN of the FOSC paper for CIFAR-10.

network = models.get("cifar_cnn", input_shape=(32, 32, 3), num_classes=10, width=0.25)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real

import keras

from fosc_tf.errors import UserError
from fosc_tf.models.frame import Frame
from fosc_tf.models.layers import Layers
from fosc_tf.models.registry import models


@models.register("cifar_cnn")
def cifar_cnn(
    *,
    input_shape: Sequence[int],
    num_classes: int,
    width: float = 1.0,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    batch_norm_momentum: float = 0.99,
    seed: int = 0,
) -> keras.Model:
    """3 blocks of 2x[conv 3x3, BN, ReLU], max pool 2, with 64, 128, 196 filters; dense 256; logits.

    Source: Wang et al., On the Convergence and Robustness of Adversarial Training (ICML 2019),
    section 5.1, for the layers; the authors' public code for their sizes, the "same" padding, the
    convolution biases and the BN and ReLU after the dense layer.
    Departures: Keras' initialisation (Glorot uniform) throughout, where the authors' code starts
    the dense layer He-normal; no L2 term of its own on the dense layer, where that code has 0.01.

    Args:
        input_shape: (height, width, channels), sides >= 8; (32, 32, 3) in the paper.
        num_classes: number of logits, at least 2.
        width: factor > 0 on the filters and on the 256 dense units, rounded, at least 1 each.
        mean: per channel in [0, 1]; None (the paper) for no standardisation.
        std: per channel in (0, 1]; None (the paper) for no standardisation.
        batch_norm_momentum: share of the old moving statistics kept, in [0, 1).
        seed: fixes the weights.

    Returns:
        Model from float32 [batch, height, width, channels] in [0, 1] to float32 logits
        [batch, num_classes].

    Raises:
        UserError: an argument out of its range.
    """
    if isinstance(width, bool) or not isinstance(width, Real) or not 0 < width < math.inf:
        raise UserError("width must be a number > 0", "width=0.5", f"width={width!r}")
    make = Layers(seed=seed, batch_norm_momentum=batch_norm_momentum)
    frame = Frame(
        input_shape=input_shape, num_classes=num_classes, mean=mean, std=std, smallest_side=8
    )
    x = frame.pixels
    index = 0
    for block, filters in enumerate((64, 128, 196), start=1):
        for _ in range(2):
            index += 1
            x = make.conv(_scaled(filters, width), name=f"conv{index}")(x)
            x = make.batch_norm(name=f"bn{index}")(x)
            x = keras.layers.ReLU(name=f"relu{index}")(x)
        x = keras.layers.MaxPooling2D(2, name=f"pool{block}")(x)  # side 32 -> 16 -> 8 -> 4
    x = keras.layers.Flatten(name="flatten")(x)
    x = make.dense(_scaled(256, width), name="dense1")(x)
    x = make.batch_norm(name="bn7")(x)
    x = keras.layers.ReLU(name="relu7")(x)
    return frame.network("cifar_cnn", make.logits(frame.num_classes)(x))


def _scaled(units: int, width: float) -> int:
    return max(1, round(units * width))
