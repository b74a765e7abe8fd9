"""The largest radius in which an example is proved, in few calls of the bounds.

radius, calls = optimal_radius(network, image, label, epsilon=0.4)      # [batch] each
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fosc_tf.bounds.envelope import certified_radius
from fosc_tf.errors import UserError
from fosc_tf.number import number

PRECISION = 1e-4


def optimal_radius(
    network: Any,
    image: Any,
    label: Any,
    *,
    epsilon: float,
    norm: str = "linf",
    method: str = "linear",
    precision: float = PRECISION,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns for each example the largest radius that its bounds prove, and the calls it took.

    A radius is tried in the middle of what is left. What `certified_radius` proves of it, in part
    or all, raises the lower end, so that fewer calls are needed than by halving alone.

    Source: Liu 2022 (thesis), Algorithm 3.5. Departure: the lower end is returned, which is
    proved, and not the middle.

    Args:
        network: a functional or sequential Keras model of images to logits, in evaluation mode.
        image: [batch, height, width, channels] in [0, 1].
        label: [batch] int.
        epsilon: the largest radius looked at, over pixels in [0, 1].
        norm: "linf", "l2" or "l1".
        method: one of `fosc_tf.bounds.envelope.LINEAR`.
        precision: width of what is left at the end, in pixels.

    Returns:
        radius [batch] float64, proved, from 0 to epsilon; calls [batch] int64.

    Raises:
        UserError: as `certified_radius`; a precision that is not positive.
    """
    if not number("precision", precision, "precision=1e-4") > 0:
        raise UserError("precision must be positive", "precision=1e-4", f"precision={precision}")
    settings = {"norm": norm, "method": method}
    image, label = np.asarray(image), np.asarray(label)
    # Once with all there is, for what is wrong in what was given.
    certified_radius(network, image[:1], label[:1], epsilon=epsilon, **settings)
    low, high = np.zeros(len(image)), np.full(len(image), float(epsilon))
    calls = np.zeros(len(image), np.int64)
    while (left := np.flatnonzero(high - low > precision)).size:
        tried = (low[left] + high[left]) / 2
        radius = certified_radius(network, image[left], label[left], epsilon=tried, **settings)
        low[left] = np.maximum(low[left], radius)
        # What was tried was rounded to float32.
        high[left] = np.where(radius >= tried * (1 - 1e-6), high[left], tried)
        calls[left] += 1
    return low, calls
