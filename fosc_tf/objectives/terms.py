"""Terms of training objectives and attack losses, per example.

cross_entropy(logits, label)      # [batch]
"""

from __future__ import annotations

import tensorflow as tf


def cross_entropy(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Returns softmax cross-entropy in nats.

    Args:
        logits: [batch, classes] float32.
        label: [batch] int in 0..classes-1.

    Returns:
        [batch] float32, at least 0.
    """
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=label, logits=logits)
