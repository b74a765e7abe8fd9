"""What an attack ascends: per-example losses of logits and labels, by name.

loss = get("cross_entropy")
loss(logits, label)      # [batch]
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from fosc_tf.errors import UserError, unknown_name
from fosc_tf.objectives.terms import cross_entropy

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def margin(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
    """Returns max_{j != y} z_j - z_y, [batch]: positive where the example is misclassified."""
    classes = tf.shape(logits)[1]
    own = tf.one_hot(label, classes, on_value=True, off_value=False)
    true = tf.reduce_sum(tf.where(own, logits, 0.0), axis=1)
    other = tf.reduce_max(tf.where(own, logits.dtype.min, logits), axis=1)
    return other - true


def carlini_wagner(kappa: float = 50.0) -> Loss:
    """Returns the loss -relu(z_y - max_{j != y} z_j + kappa) of C&W-linf.

    Source: Madry et al.'s challenge attack as used by Wang et al. 2019, section 5.1. The true
    logit is masked out of the maximum; kappa keeps a gradient after misclassification.
    """

    def loss(logits: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        return -tf.nn.relu(kappa - margin(logits, label))

    return loss


_LOSSES: dict[str, Loss] = {
    "cross_entropy": cross_entropy,
    "margin": margin,
    "cw": carlini_wagner(),
}


def get(loss: str | Loss) -> Loss:
    """Returns the loss of that name, or `loss` itself when it is a function."""
    if callable(loss):
        return loss
    if loss not in _LOSSES:
        raise unknown_name("attack loss", loss, _LOSSES)
    return _LOSSES[loss]


def check_logits(logits: tf.Tensor) -> None:
    """Raises `UserError` when `logits` (NumPy-like, [batch, classes]) are probabilities."""
    if logits.shape.rank != 2 or logits.shape[1] < 2:
        raise UserError(
            "the network must return logits of shape [batch, num_classes]",
            "a last layer keras.layers.Dense(num_classes)",
            f"an output of shape {tuple(logits.shape)}",
        )
    if are_probabilities(tf.cast(logits, tf.float32)):
        raise UserError(
            "the network must return logits, not probabilities: a softmax hides its gradient",
            "the same network without its softmax",
            "outputs that are not negative and sum to 1",
        )


def are_probabilities(output: tf.Tensor) -> bool:
    """Returns whether `output` [batch, classes] float32 is nowhere negative and sums to 1."""
    sums = tf.reduce_sum(output, axis=1)
    return bool(tf.reduce_all(tf.abs(sums - 1.0) < 1e-3) & tf.reduce_all(output >= 0))
