"""Wide residual networks, WRN-depth-width.

network = models.get("wide_resnet", input_shape=(32, 32, 3), num_classes=10, depth=28, width=10)
network = models.get("wide_resnet_34_10", input_shape=(32, 32, 3), num_classes=10)
"""

from __future__ import annotations

from numbers import Integral

import keras

from fosc_tf.errors import UserError
from fosc_tf.models.layers import Layers
from fosc_tf.models.preact_resnet import preact_body
from fosc_tf.models.registry import register
from fosc_tf.number import number


@register("wide_resnet", convolution_init=keras.initializers.HeNormal)
def wide_resnet(
    make: Layers, x: keras.KerasTensor, *, depth: int = 34, width: int = 10
) -> keras.KerasTensor:
    """Stem of 16 filters, 3 stages of (depth - 4) / 6 blocks with 16, 32, 64 times width filters.

    Source: Zagoruyko & Komodakis, Wide Residual Networks (BMVC 2016), table 1, without dropout.
    WRN-34-10 is what the literature since uses for the wide network of Madry et al. (ICLR 2018),
    the FOSC paper's table 3; Madry's own code pads shortcuts with zeros instead of projecting and
    has leaky ReLUs.
    Departures: those of `preact_body`.

    Args:
        depth: number of convolutions on the longest way plus the last layer: 10, 16, 22, 28, 34...
        width: factor >= 1 on the filters of the stages.
    """
    if not isinstance(depth, Integral) or depth not in range(10, 10_000, 6):
        raise UserError(
            "depth must be 6 * n + 4 with n >= 1: three stages of n blocks of two convolutions",
            "depth=34, or 10, 16, 22, 28, 40",
            f"depth={depth!r}",
        )
    width = number("width", width, "width=10", least=1)
    filters = (16 * width, 32 * width, 64 * width)
    return preact_body(make, x, stem=16, filters=filters, blocks=(depth - 4) // 6)


@register("wide_resnet_34_10", convolution_init=keras.initializers.HeNormal)
def wide_resnet_34_10(make: Layers, x: keras.KerasTensor) -> keras.KerasTensor:
    """`wide_resnet` with depth=34 and width=10 under the papers' name; see there."""
    return wide_resnet(make, x, depth=34, width=10)
