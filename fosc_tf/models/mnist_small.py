"""The small CNN of Fast adversarial training for MNIST, and of polyhedral envelopes.

network = models.get("mnist_small", input_shape=(28, 28, 1), num_classes=10)
"""

from __future__ import annotations

import keras

from fosc_tf.models.activation import activation_layer
from fosc_tf.models.layers import Layers
from fosc_tf.models.registry import register
from fosc_tf.models.width import scaled
from fosc_tf.number import flag


@register("mnist_small", smallest_side=1)
def mnist_small(
    make: Layers,
    x: keras.KerasTensor,
    *,
    activation: str = "relu",
    batch_norm: bool = False,
    width: float = 1.0,
) -> keras.KerasTensor:
    """conv 4x4 16 of stride 2, conv 4x4 32 of stride 2, dense 100, logits.

    Source: Wong et al. 2020, the authors' public code, whose convolutions pad one pixel on every
    side. So does "same" here, where sides are even as on MNIST. It is also the CNN of chapter 3 of
    Liu's thesis (EPFL 2022), in the sizes of that author's public code.
    Departure: Keras' initialisation (Glorot uniform), where that code has PyTorch's.

    Args:
        activation: relu, as in both sources, sigmoid or tanh.
        batch_norm: puts batch normalisation before each activation; without it
            `batch_norm_momentum` has no effect.
        width: factor > 0 on the filters and on the 100 dense units, rounded, at least 1 each; on
            28x28 pixels 0.315 and 0.1 have about the weights that rates of 0.9 and 0.99 leave.
    """
    batch_norm = flag("batch_norm", batch_norm)

    def activated(x: keras.KerasTensor, index: int) -> keras.KerasTensor:
        x = make.batch_norm(name=f"bn{index}")(x) if batch_norm else x
        return activation_layer(activation, index=index)(x)

    for index, filters in enumerate((16, 32), start=1):
        x = make.conv(scaled(filters, width), size=4, strides=2, name=f"conv{index}")(x)
        x = activated(x, index)  # side 28 -> 14 -> 7
    x = make.dense(scaled(100, width), name="dense1")(keras.layers.Flatten(name="flatten")(x))
    return activated(x, 3)
