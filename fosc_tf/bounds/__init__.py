"""Proving: between which ends the logits of a network stay while its image may move.

lower, upper = fosc_tf.bounds.interval(network, image, epsilon=0.1)
fosc_tf.bounds.margins(network, image, label, epsilon=0.1, method="crown")      # [batch, classes]
"""

from fosc_tf.bounds.envelope import certified_radius
from fosc_tf.bounds.exact import exact
from fosc_tf.bounds.layer_rules import register
from fosc_tf.bounds.methods import METHODS, crown, crown_ibp, interval, linear, logits, margins
from fosc_tf.bounds.nonuniform import largest_region
from fosc_tf.bounds.primitives import Affine, Elementwise, Largest, Nonlinear
from fosc_tf.bounds.radius_search import optimal_radius
from fosc_tf.bounds.rounding import proved, slack

__all__ = [
    "METHODS",
    "Affine",
    "Elementwise",
    "Largest",
    "Nonlinear",
    "certified_radius",
    "largest_region",
    "optimal_radius",
    "slack",
    "crown",
    "crown_ibp",
    "exact",
    "interval",
    "linear",
    "logits",
    "margins",
    "proved",
    "register",
]
