"""Terms of training objectives and attack losses, per example.

cross_entropy(logits, label)      # [batch]
"""

from __future__ import annotations

import tensorflow as tf


def cross_entropy(logits: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Returns softmax cross-entropy in nats.

    Args:
        logits: [batch, classes] float32.
        target: the label, [batch] int in 0..classes-1, or a distribution, [batch, classes] float32.

    Returns:
        [batch] float32, at least 0.
    """
    if len(target.shape) == 2:
        return tf.nn.softmax_cross_entropy_with_logits(labels=target, logits=logits)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=logits)


def is_right(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Returns [batch] bool: the label's logit is the largest, the first of several.

    With a NaN among its logits an example is wrong: argmax would take the NaN for the largest.

    Args:
        logits: [batch, classes] floating.
        label: [batch] int in 0..classes-1.
    """
    largest = tf.argmax(logits, axis=1, output_type=label.dtype) == label
    return largest & ~tf.reduce_any(tf.math.is_nan(logits), axis=1)
