"""Wide residual networks, WRN-depth-width.

network = models.get("wide_resnet", input_shape=(32, 32, 3), num_classes=10, depth=28, width=10)
network = models.get("wide_resnet_34_10", input_shape=(32, 32, 3), num_classes=10)
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import keras

from fosc_tf.errors import UserError
from fosc_tf.models.frame import Frame
from fosc_tf.models.layers import Layers
from fosc_tf.models.preact_body import Stage, preact_body
from fosc_tf.models.registry import models
from fosc_tf.number import number


@models.register("wide_resnet")
def wide_resnet(
    *,
    input_shape: Sequence[int],
    num_classes: int,
    depth: int = 34,
    width: int = 10,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    batch_norm_momentum: float = 0.99,
    seed: int = 0,
) -> keras.Model:
    """Stem of 16 filters, 3 stages of (depth - 4) / 6 blocks with 16, 32, 64 times width filters.

    Source: Zagoruyko & Komodakis, Wide Residual Networks (BMVC 2016), table 1, without dropout. A
    1x1 convolution of the activated input is the shortcut where the shape changes. Convolutions
    start He-normal (fan in), the last layer Glorot-uniform. WRN-34-10 is what the literature since
    uses for the wide network of Madry et al. (ICLR 2018), the FOSC paper's table 3; Madry's own
    code pads shortcuts with zeros instead of projecting and has leaky ReLUs.
    Departures: batch normalisation with Keras' constants; strided convolutions pad as TensorFlow's
    "same" does, on the far side first.

    Args:
        input_shape: (height, width, channels); (32, 32, 3) in the papers.
        num_classes: number of logits, at least 2.
        depth: number of convolutions on the longest way plus the last layer: 10, 16, 22, 28, 34...
        width: factor >= 1 on the filters of the stages.
        mean: per channel in [0, 1]; None for no standardisation.
        std: per channel in (0, 1]; None for no standardisation.
        batch_norm_momentum: share of the old moving statistics kept, in [0, 1).
        seed: fixes the weights.

    Returns:
        Model from float32 [batch, height, width, channels] in [0, 1] to float32 logits
        [batch, num_classes].

    Raises:
        UserError: an argument out of its range.
    """
    blocks = _blocks(depth)
    width = number("width", width, "width=10", least=1)
    make = Layers(seed=seed, convolution_init="he_normal", batch_norm_momentum=batch_norm_momentum)
    frame = Frame(input_shape=input_shape, num_classes=num_classes, mean=mean, std=std)
    stages = [
        Stage(filters=16 * width, blocks=blocks, strides=1),
        Stage(filters=32 * width, blocks=blocks, strides=2),
        Stage(filters=64 * width, blocks=blocks, strides=2),
    ]
    x = preact_body(frame.pixels, make, stem_filters=16, stages=stages)
    return frame.network(f"wide_resnet_{depth}_{width}", make.logits(frame.num_classes)(x))


@models.register("wide_resnet_34_10")
def wide_resnet_34_10(
    *,
    input_shape: Sequence[int],
    num_classes: int,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    batch_norm_momentum: float = 0.99,
    seed: int = 0,
) -> keras.Model:
    """`wide_resnet` with depth=34 and width=10 under the papers' name; see there."""
    return wide_resnet(
        input_shape=input_shape,
        num_classes=num_classes,
        depth=34,
        width=10,
        mean=mean,
        std=std,
        batch_norm_momentum=batch_norm_momentum,
        seed=seed,
    )


def _blocks(depth: int) -> int:
    if isinstance(depth, bool) or not isinstance(depth, Integral) or depth < 10 or (depth - 4) % 6:
        raise UserError(
            "depth must be 6 * n + 4 with n >= 1: three stages of n blocks of two convolutions",
            "depth=34, or 10, 16, 22, 28, 40",
            f"depth={depth!r}",
        )
    return (int(depth) - 4) // 6
