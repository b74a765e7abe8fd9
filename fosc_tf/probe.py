"""Images to ask a network about before it meets the data, and whether a file answers as it does.

image = probe_images(network.input_shape[1:])
check_same(loaded(image), network(image, training=False), "the packed file")
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

SIDE = 32
"""Height and width where a network takes images of any size."""
ROUNDING = 1e-5
"""Share of the largest logit, and of 1, by which two ways to compute logits in float32 may differ:
84 times the distance of such numbers."""


def probe_images(shape: Sequence[int | None]) -> np.ndarray:
    """Returns four images of noise, the same at every call.

    Noise, for on one plain image logits can look like probabilities by chance.

    Args:
        shape: (height, width, channels); None is `SIDE`.

    Returns:
        [4, height, width, channels] float32 in [0, 1).
    """
    return np.random.default_rng(0).random([4, *(side or SIDE for side in shape)], np.float32)


def check_same(received: Any, expected: Any, what: str) -> None:
    """Raises RuntimeError unless the logits of `what` are the network's up to `ROUNDING`.

    Args:
        received: [batch, classes], what a file gives.
        expected: likewise, of the network.
        what: the file, as the message calls it.
    """
    received, expected = (np.asarray(each, np.float64) for each in (received, expected))
    most, found = ROUNDING * (1.0 + np.abs(expected).max()), np.abs(received - expected).max()
    if not found <= most:  # written so that NaN fails too
        raise RuntimeError(
            f"the logits of {what} differ from the network's by {found:.3g}, more than "
            f"{most:.3g}: nothing was saved"
        )
