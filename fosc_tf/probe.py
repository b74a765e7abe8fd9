"""Images to ask a network about before it meets the data.

image = probe_images(network.input_shape[1:])
logits = network(image, training=False)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SIDE = 32
"""Height and width where a network takes images of any size."""


def probe_images(shape: Sequence[int | None]) -> np.ndarray:
    """Returns four images of noise, the same at every call.

    Noise, for on one plain image logits can look like probabilities by chance.

    Args:
        shape: (height, width, channels); None is `SIDE`.

    Returns:
        [4, height, width, channels] float32 in [0, 1).
    """
    return np.random.default_rng(0).random([4, *(side or SIDE for side in shape)], np.float32)
