"""What one search of the ensemble finds, and how the finds of its runs become one.

outcome.broken      # [batch] bool
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from fosc_tf.terms import is_right


class Outcome(NamedTuple):
    """What a search found, decided by a last forward pass at exactly these images.

    Attributes:
        image: [batch, ...] float32 in the ball and in [0, 1].
        broken: [batch] bool, whether the network misclassifies `image`.
        margin: [batch] float32 at `image`, max_{j != y} z_j - z_y in logits.
        num_gradients: [batch] int32, gradients spent (times `passes` calls of the network each).
    """

    image: tf.Tensor
    broken: tf.Tensor
    margin: tf.Tensor
    num_gradients: tf.Tensor


def misclassified(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Returns [batch] bool: another class than `label` comes out, or NaN."""
    return ~is_right(logits, label)


def ranked_others(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Returns all classes, the most likely other one first and the label last, [batch, classes]."""
    own = tf.one_hot(label, tf.shape(logits)[1], on_value=True, off_value=False)
    others = tf.where(own, float("-inf"), logits)
    return tf.argsort(others, axis=1, direction="DESCENDING", stable=True)


def keep_better(outcome: Outcome, row: tf.Tensor, found: Outcome) -> Outcome:
    """Returns `outcome` with what a run found for the rows `row` [active], where it is better."""
    better = found.broken | (found.margin > tf.gather(outcome.margin, row))
    row, better_row = row[:, None], tf.boolean_mask(row, better)[:, None]
    update, mask = tf.tensor_scatter_nd_update, tf.boolean_mask
    return Outcome(
        image=update(outcome.image, better_row, mask(found.image, better)),
        broken=update(outcome.broken, row, found.broken),
        margin=update(outcome.margin, better_row, mask(found.margin, better)),
        num_gradients=tf.tensor_scatter_nd_add(outcome.num_gradients, row, found.num_gradients),
    )
