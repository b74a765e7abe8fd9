"""Images clean, attacked, and what was changed, as one picture.

panel = image_panel(image, image_adv, epsilon=0.3)      # [rows, columns, channels]
"""

from __future__ import annotations

import numpy as np

SIDE = 64  # pixels an image is at least drawn with


def image_panel(image: np.ndarray, image_adv: np.ndarray, epsilon: float) -> np.ndarray:
    """Returns one picture of three rows: clean, adversarial, difference around grey.

    Args:
        image: [n, h, w, c] float32 in [0, 1].
        image_adv: the same, attacked.
        epsilon: a difference of +epsilon is white, of -epsilon black.

    Returns:
        [3 * h * k, n * w * k, c] float32 in [0, 1], small images enlarged k times.
    """
    difference = np.clip(0.5 + (image_adv - image) / (2 * epsilon), 0, 1)
    rows = [np.concatenate(list(row), axis=1) for row in (image, image_adv, difference)]
    times = max(1, -(-SIDE // image.shape[1]))
    return np.concatenate(rows).repeat(times, axis=0).repeat(times, axis=1)
