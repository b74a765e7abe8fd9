"""What the weights descend: terms that return [batch], and objectives made of them."""

from fosc_tf.objectives.adversarial import adversarial, self_weighted
from fosc_tf.objectives.gradient_alignment import gradient_alignment
from fosc_tf.objectives.two_predictions import mart, trades
from fosc_tf.terms import cross_entropy, divergence, to_label

__all__ = [
    "adversarial",
    "cross_entropy",
    "divergence",
    "gradient_alignment",
    "mart",
    "self_weighted",
    "to_label",
    "trades",
]
