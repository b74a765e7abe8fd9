"""The 4-layer CNN of the FOSC paper for MNIST.

network = models.get("mnist_cnn", input_shape=(28, 28, 1), num_classes=10)
"""

from __future__ import annotations

import keras

from fosc_tf.models.layers import Layers
from fosc_tf.models.registry import register
from fosc_tf.models.width import scaled


@register("mnist_cnn", smallest_side=4)
def mnist_cnn(make: Layers, x: keras.KerasTensor, *, width: float = 1.0) -> keras.KerasTensor:
    """[conv 3x3, BN, ReLU, max pool 2] with 32 and 64 filters, dense 128, logits.

    Source: as `cifar_cnn`: Wang et al. (ICML 2019), section 5.1, and the authors' public code for
    sizes, "same" padding and convolution biases; no standardisation there.
    Departure: Keras' initialisation (Glorot uniform) throughout, where the authors' code starts
    the dense layer He-normal.

    Args:
        width: factor > 0 on the filters and on the 128 dense units, rounded, at least 1 each; on
            28x28 pixels 0.316 and 0.1 have about the weights that rates of 0.9 and 0.99 leave.
    """
    for index, filters in enumerate((32, 64), start=1):
        x = make.conv(scaled(filters, width), name=f"conv{index}")(x)
        x = make.batch_norm(name=f"bn{index}")(x)
        x = keras.layers.ReLU(name=f"relu{index}")(x)
        x = keras.layers.MaxPooling2D(2, name=f"pool{index}")(x)  # side 28 -> 14 -> 7
    x = make.dense(scaled(128, width), name="dense1")(keras.layers.Flatten(name="flatten")(x))
    return keras.layers.ReLU(name="relu3")(x)
