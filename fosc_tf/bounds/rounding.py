"""How far bounds in float32 may be wrong by rounding, taken off before anything counts as proved.

proved(margins(network, image, label, epsilon=0.1), label)      # [batch] bool
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

SHARE = 1e-5
"""Of the scale: a sum of n products in float32 errs by sqrt(n) * 6e-8 of the sum of magnitudes as a
rule, and rows have some thousand. What is proved by an evaluation is proved in float64 too."""


def slack(bounds: tf.Tensor) -> tf.Tensor:
    """Returns what is taken off bounds [batch, n] before they prove anything, [batch, 1].

    In float32 it is `SHARE` of 1 and the largest magnitude together; in float64 a millionth of it.
    """
    share = SHARE if bounds.dtype == tf.float32 else 1e-6 * SHARE
    return share * (1.0 + tf.reduce_max(tf.abs(bounds), axis=1, keepdims=True))


def proved(margins: tf.Tensor, label: Any) -> np.ndarray:
    """Returns where all margins but the label's own are above 0 by their slack, [batch] bool.

    Args:
        margins: [batch, classes] of `fosc_tf.bounds.margins`.
        label: [batch] int.
    """
    found = np.array(margins > slack(margins))
    found[np.arange(len(found)), np.asarray(label)] = True
    return found.all(axis=1)
