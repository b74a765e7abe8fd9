"""The 8-layer CNN of the FOSC paper for CIFAR-10.

network = models.get("cifar_cnn", input_shape=(32, 32, 3), num_classes=10, width=0.25)
"""

from __future__ import annotations

import keras

from fosc_tf.models.layers import Layers
from fosc_tf.models.registry import register
from fosc_tf.models.width import scaled


@register("cifar_cnn", smallest_side=8)
def cifar_cnn(make: Layers, x: keras.KerasTensor, *, width: float = 1.0) -> keras.KerasTensor:
    """3 blocks of 2x[conv 3x3, BN, ReLU], max pool 2, with 64, 128, 196 filters; dense 256; logits.

    Source: Wang et al., On the Convergence and Robustness of Adversarial Training (ICML 2019),
    section 5.1, for the layers (no standardisation there); the authors' public code for their
    sizes, the "same" padding, the convolution biases and the BN and ReLU after the dense layer.
    Departures: Keras' initialisation (Glorot uniform) throughout, where the authors' code starts
    the dense layer He-normal; no L2 term of its own on the dense layer, where that code has 0.01.

    Args:
        width: factor > 0 on the filters and on the 256 dense units, rounded, at least 1 each.
    """
    index = 0
    for block, filters in enumerate((64, 128, 196), start=1):
        for _ in range(2):
            index += 1
            x = make.conv(scaled(filters, width), name=f"conv{index}")(x)
            x = make.batch_norm(name=f"bn{index}")(x)
            x = keras.layers.ReLU(name=f"relu{index}")(x)
        x = keras.layers.MaxPooling2D(2, name=f"pool{block}")(x)  # side 32 -> 16 -> 8 -> 4
    x = keras.layers.Flatten(name="flatten")(x)
    x = make.dense(scaled(256, width), name="dense1")(x)
    x = make.batch_norm(name="bn7")(x)
    return keras.layers.ReLU(name="relu7")(x)
