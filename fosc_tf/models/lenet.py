"""LeNet of any width, on which the loss landscape of adversarial training was studied.

network = models.get("lenet", input_shape=(28, 28, 1), num_classes=10, width=16)
"""

from __future__ import annotations

import keras

from fosc_tf.models.layers import Layers
from fosc_tf.models.registry import register
from fosc_tf.number import number


@register("lenet", smallest_side=4, batch_norm=False)
def lenet(make: Layers, x: keras.KerasTensor, *, width: int = 16) -> keras.KerasTensor:
    """conv 5x5 2w, max pool 2, conv 5x5 4w, max pool 2, dense 64w, logits; ReLUs.

    Source: Liu 2022 (thesis), Table 4.1; kernels of 5x5 padded "same" are those of its public code.
    On MNIST, of 28 -> 14 -> 7, the first dense layer has 196w inputs, as the table says.
    Departure: Keras' initialisation (Glorot uniform), where that code has PyTorch's.

    Args:
        width: w, at least 1; 16 is the thesis' on MNIST, where 4 and 2 fail at epsilon 0.4.
    """
    number("width", width, "width=16", least=1)
    for index, filters in enumerate((2 * width, 4 * width), start=1):
        x = make.conv(filters, size=5, name=f"conv{index}")(x)
        x = keras.layers.ReLU(name=f"relu{index}")(x)
        x = keras.layers.MaxPooling2D(2, name=f"pool{index}")(x)
    x = make.dense(64 * width, name="dense1")(keras.layers.Flatten(name="flatten")(x))
    return keras.layers.ReLU(name="relu3")(x)
