"""What one search of the ensemble finds, and how the finds of its runs become one.

outcome.broken      # [batch] bool
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf


class Outcome(NamedTuple):
    """What a search found, decided by a last forward pass at exactly these images.

    Attributes:
        image: [batch, ...] float32 in the ball and in [0, 1].
        broken: [batch] bool, whether the network misclassifies `image`.
        margin: [batch] float32 at `image`, max_{j != y} z_j - z_y in logits.
        num_gradients: [batch] int32, gradients spent (times `passes` calls of the network each).
    """

    image: Any
    broken: Any
    margin: Any
    num_gradients: Any


def misclassified(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Returns [batch] bool: another class than `label` comes out."""
    return tf.argmax(logits, axis=1, output_type=tf.int32) != label


def ranked_others(logits: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Returns the other classes, most likely first, [batch, num_classes - 1] int32."""
    logits = logits.copy()
    logits[np.arange(len(label)), label] = -np.inf
    return np.argsort(-logits, axis=1, kind="stable")[:, :-1].astype(np.int32)


def keep_better(outcome: Outcome, row: np.ndarray, found: Outcome) -> None:
    """Writes into `outcome` what a run found for its rows, where it is better."""
    better = found.broken | (found.margin > outcome.margin[row])
    outcome.num_gradients[row] += found.num_gradients
    outcome.broken[row] = found.broken
    outcome.image[row[better]] = found.image[better]
    outcome.margin[row[better]] = found.margin[better]
