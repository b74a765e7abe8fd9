"""The small, medium and large networks of IBP, CROWN-IBP and AdvIBP.

network = models.get("dm_small", input_shape=(28, 28, 1), num_classes=10)
network = models.get("dm_large", input_shape=(32, 32, 3), num_classes=10, batch_norm=True)
"""

from __future__ import annotations

import keras

from fosc_tf.models.layers import Layers
from fosc_tf.models.registry import register
from fosc_tf.models.stack import Convolution, smallest_side, stack

SMALL = (Convolution(16, 4, 2, 1), Convolution(32, 4, 1, 1))
MEDIUM = (
    Convolution(32, 3, 1, 1),
    Convolution(32, 4, 2, 1),
    Convolution(64, 3, 1, 1),
    Convolution(64, 4, 2, 1),
)
LARGE = (
    Convolution(64, 3, 1, 1),
    Convolution(64, 3, 1, 1),
    Convolution(128, 3, 2, 1),
    Convolution(128, 3, 1, 1),
    Convolution(128, 3, 1, 1),
)


@register("dm_small", smallest_side=smallest_side(SMALL))
def dm_small(
    make: Layers, x: keras.KerasTensor, *, activation: str = "relu", batch_norm: bool = False
) -> keras.KerasTensor:
    """conv 4x4 16 of stride 2, conv 4x4 32, dense 100, logits.

    Source: Fan & Li, Adversarial Training and Provable Robustness: A Tale of Two Objectives (AAAI
    2021), table E; the paddings of its three networks from the authors' public code, one pixel of
    zeros on every side. Gowal et al. 2018, whose networks these are, do not pad the small and the
    medium one in their own code.
    Departures: Keras' initialisation (Glorot uniform), where that code has PyTorch's; batch
    normalisation is an option of this project.

    Args:
        activation: relu, as in the paper, sigmoid or tanh.
        batch_norm: puts batch normalisation before each activation; without it
            `batch_norm_momentum` has no effect.
    """
    return stack(
        make, x, convolutions=SMALL, dense=(100,), activation=activation, batch_norm=batch_norm
    )  # side 28 -> 14 -> 13


@register("dm_medium", smallest_side=smallest_side(MEDIUM))
def dm_medium(
    make: Layers, x: keras.KerasTensor, *, activation: str = "relu", batch_norm: bool = False
) -> keras.KerasTensor:
    """[conv 3x3, conv 4x4 of stride 2] with 32 and 64 filters, dense 512 twice, logits.

    Source, departures and arguments: those of `dm_small`.
    """
    return stack(
        make, x, convolutions=MEDIUM, dense=(512, 512), activation=activation, batch_norm=batch_norm
    )  # side 28 -> 28 -> 14 -> 14 -> 7


@register("dm_large", smallest_side=smallest_side(LARGE))
def dm_large(
    make: Layers, x: keras.KerasTensor, *, activation: str = "relu", batch_norm: bool = False
) -> keras.KerasTensor:
    """5 convolutions 3x3 with 64, 64, 128 (of stride 2), 128, 128 filters; dense 512; logits.

    Source, departures and arguments: those of `dm_small`. The code of CROWN-IBP (Zhang et al. 2020)
    pads it alike.
    """
    return stack(
        make, x, convolutions=LARGE, dense=(512,), activation=activation, batch_norm=batch_norm
    )  # side 28 -> 28 -> 28 -> 14 -> 14 -> 14
