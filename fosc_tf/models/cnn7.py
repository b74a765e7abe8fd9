"""The 7-layer CNN of the literature on certified training.

network = models.get("cnn7", input_shape=(32, 32, 3), num_classes=10, width=64)
"""

from __future__ import annotations

import keras

from fosc_tf.models.layers import Layers
from fosc_tf.models.registry import register
from fosc_tf.models.stack import Convolution, stack
from fosc_tf.number import number


@register("cnn7")
def cnn7(
    make: Layers,
    x: keras.KerasTensor,
    *,
    width: int = 64,
    activation: str = "relu",
    batch_norm: bool = True,
) -> keras.KerasTensor:
    """5x[conv 3x3, BN, ReLU] with width twice, then twice that; dense 512, BN, ReLU; logits.

    The third convolution has stride 2. Without batch normalisation and with width=64 it is
    `dm_large`.

    Source: Shi et al., Fast Certified Robust Training with Short Warmup (NeurIPS 2021), and the
    authors' public code, which pads one pixel on every side and gives every layer a bias.
    Departures: Keras' initialisation (Glorot uniform), not theirs for IBP; batch normalisation with
    Keras' constants, where that code has PyTorch's.

    Args:
        width: filters of the first two convolutions, at least 1.
        activation: relu, as in the paper, sigmoid or tanh.
        batch_norm: puts batch normalisation before each activation; without it
            `batch_norm_momentum` has no effect.
    """
    width = number("width", width, "width=64", least=1)
    shapes = ((width, 1), (width, 1), (2 * width, 2), (2 * width, 1), (2 * width, 1))
    convolutions = [Convolution(filters, 3, strides, 1) for filters, strides in shapes]
    return stack(
        make,
        x,
        convolutions=convolutions,
        dense=(512,),
        activation=activation,
        batch_norm=batch_norm,
    )  # side 32 -> 32 -> 32 -> 16 -> 16 -> 16
