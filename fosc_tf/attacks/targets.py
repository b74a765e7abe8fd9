"""What the ascended loss is told besides the logits: the label, or what the network says clean.

target = get("clean_probabilities")
target(network, batch)      # [batch, classes]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from fosc_tf.registry import Registry
from fosc_tf.types import Batch

Target = Callable[[Any, Batch], tf.Tensor]
TARGETS = Registry("attack target", ("network", "batch"))
register, names, get = TARGETS.register, TARGETS.names, TARGETS.find


def label(network: Any, batch: Batch) -> tf.Tensor:
    """Returns the labels [batch] int32."""
    del network
    return batch.label


def clean_probabilities(network: Any, batch: Batch) -> tf.Tensor:
    """Returns the softmax of the logits at the clean images, [batch, classes], a constant.

    Source: the inner maximisation of TRADES (Zhang et al. 2019, equation 5). Costs a forward pass.
    """
    logits = tf.cast(network(batch.image, training=False), tf.float32)
    return tf.stop_gradient(tf.nn.softmax(logits))


register("label")(lambda: label)
register("clean_probabilities")(lambda: clean_probabilities)
