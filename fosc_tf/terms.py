"""Terms of training objectives and attack losses, per example.

cross_entropy(logits, label)      # [batch]
"""

from __future__ import annotations

import tensorflow as tf

from fosc_tf.types import SMOOTHING, Batch


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


def to_label(logits: tf.Tensor, batch: Batch) -> tf.Tensor:
    """Returns the cross-entropy to the batch's labels, [batch], smoothed where the defense says so.

    Args:
        logits: [batch, classes] float32.
        batch: with its labels and, in its context, what the trainer knows of the smoothing.
    """
    smooth = SMOOTHING in batch.context
    return cross_entropy(logits, distribution(batch, logits.shape[1]) if smooth else batch.label)


def distribution(batch: Batch, classes: int) -> tf.Tensor:
    """Returns the labels as probabilities, [batch, classes]: (1 - s) * one-hot + s / classes.

    Source: label smoothing, Szegedy et al. 2016, section 7; s is 0 unless the defense says so.
    """
    one_hot, smoothing = tf.one_hot(batch.label, classes), batch.context.get(SMOOTHING)
    return one_hot if smoothing is None else (1.0 - smoothing) * one_hot + smoothing / classes


def divergence(logits: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """Returns KL(softmax(logits) || softmax(other)) in nats, [batch]; both have a gradient.

    Args:
        logits: [batch, classes] float32, at the clean image, say.
        other: [batch, classes] float32, at the adversarial image.
    """
    log_p, log_q = tf.nn.log_softmax(logits), tf.nn.log_softmax(other)
    return tf.reduce_sum(tf.exp(log_p) * (log_p - log_q), axis=1)


def is_right(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Returns [batch] bool: the label's logit is the largest, the first of several.

    With a NaN among its logits an example is wrong: argmax would take the NaN for the largest.

    Args:
        logits: [batch, classes] floating.
        label: [batch] int in 0..classes-1.
    """
    largest = tf.argmax(logits, axis=1, output_type=label.dtype) == label
    return largest & ~tf.reduce_any(tf.math.is_nan(logits), axis=1)
