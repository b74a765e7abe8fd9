"""The 4-layer CNN of the FOSC paper for MNIST.

network = models.get("mnist_cnn", input_shape=(28, 28, 1), num_classes=10)
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from fosc_tf.models.frame import Frame
from fosc_tf.models.layers import Layers
from fosc_tf.models.registry import models


@models.register("mnist_cnn")
def mnist_cnn(
    *,
    input_shape: Sequence[int],
    num_classes: int,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    batch_norm_momentum: float = 0.99,
    seed: int = 0,
) -> keras.Model:
    """[conv 3x3, BN, ReLU, max pool 2] with 32 and 64 filters, dense 128, logits.

    Source: Wang et al., On the Convergence and Robustness of Adversarial Training (ICML 2019),
    section 5.1, for the layers; the authors' public code for their sizes, the "same" padding and
    the convolution biases.
    Departure: Keras' initialisation (Glorot uniform) throughout, where the authors' code starts
    the dense layer He-normal.

    Args:
        input_shape: (height, width, channels), sides >= 4; (28, 28, 1) in the paper.
        num_classes: number of logits, at least 2.
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
    make = Layers(seed=seed, batch_norm_momentum=batch_norm_momentum)
    frame = Frame(
        input_shape=input_shape, num_classes=num_classes, mean=mean, std=std, smallest_side=4
    )
    x = frame.pixels
    for index, filters in enumerate((32, 64), start=1):
        x = make.conv(filters, name=f"conv{index}")(x)
        x = make.batch_norm(name=f"bn{index}")(x)
        x = keras.layers.ReLU(name=f"relu{index}")(x)
        x = keras.layers.MaxPooling2D(2, name=f"pool{index}")(x)  # side 28 -> 14 -> 7
    x = keras.layers.Flatten(name="flatten")(x)
    x = make.dense(128, name="dense1")(x)
    x = keras.layers.ReLU(name="relu3")(x)
    return frame.network("mnist_cnn", make.logits(frame.num_classes)(x))
