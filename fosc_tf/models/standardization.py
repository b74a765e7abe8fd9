"""Standardisation of pixels as the first layer of a network, so that attacks keep to [0, 1].

layer = standardization(mean=(0.4914, 0.4822, 0.4465), std=(0.247, 0.2435, 0.2616), channels=3)
standardized = layer(image)      # (image - mean) / std
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from fosc_tf.errors import UserError


def standardization(
    *, mean: Sequence[float], std: Sequence[float], channels: int
) -> keras.layers.Normalization:
    """Returns a layer that computes (image - mean) / std in float32.

    It equals NumPy's float32 result to the bit, eagerly and in compiled functions.

    Args:
        mean: one number per channel, in [0, 1].
        std: one number per channel, in (0, 1]; it must exceed Keras' epsilon (1e-7), below which
            `keras.layers.Normalization` would divide by epsilon instead.
        channels: number of channels of the image.

    Returns:
        A layer without variables from [batch, height, width, channels] to float32 of the same
        shape.

    Raises:
        UserError: only one of the two is given, or one has the wrong length or range.
    """
    try:
        means, stds = np.asarray(mean, np.float32), np.asarray(std, np.float32)
        fits = means.shape == stds.shape == (channels,)
    except (TypeError, ValueError):
        fits = False
    # Written so that NaN fails too.
    fits = fits and np.all((means >= 0) & (means <= 1))
    if not (fits and np.all((stds > keras.config.epsilon()) & (stds <= 1))):
        raise UserError(
            f"mean and std go together, each with one number for each of the {channels} channels, "
            "in pixel units: mean in [0, 1], std in (0, 1]",
            f"mean={(0.5,) * channels}, std={(0.25,) * channels}",
            f"mean={mean!r}, std={std!r}",
        )
    # The layer takes a square root of the variance. In binary floating point the root of a rounded
    # square is the number itself, so squaring in float32 keeps std to the bit.
    layer = keras.layers.Normalization(
        axis=-1,
        mean=means.tolist(),
        variance=(stds * stds).tolist(),
        # Half precision would round pixels before the subtraction.
        dtype="float32",
        name="standardization",
    )
    # Built now, eagerly: built at its first call inside a compiled function, it would keep that
    # function's tensors and break in the next one, and the compiler, seeing constants, would trade
    # the division for a product with 1 / std, which rounds differently.
    layer.build((None, None, None, channels))
    return layer
