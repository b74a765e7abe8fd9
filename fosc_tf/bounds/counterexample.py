"""Images of a box that lose their label: a quick search, and the check that one does.

point = searched(network, lower, upper, image, label)
breaks(network, pieces, point, box, image, label)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.bounds.interval_bounds import Interval
from fosc_tf.bounds.piecewise_network import PiecewiseNetwork

STEPS = 40
"""Of the search; the first goes to a corner of the box, each further one less far."""


def lead(logits: Any, label: Any) -> tf.Tensor:
    """Returns by how much the label's logit is larger than all others, [batch].

    Args:
        logits: [batch, classes] of any float dtype.
        label: [batch] int.
    """
    logits = tf.convert_to_tensor(logits)
    own = tf.one_hot(label, logits.shape[1], on_value=True, off_value=False)
    others = tf.where(own, tf.constant(logits.dtype.min, logits.dtype), logits)
    return tf.gather(logits, label, batch_dims=1) - tf.reduce_max(others, axis=1)


def searched(
    network: Any, lower: tf.Tensor, upper: tf.Tensor, image: tf.Tensor, label: tf.Tensor
) -> tf.Tensor:
    """Returns the image of each box at which the label leads least, of those on one descent.

    Args:
        network: of images to logits, in evaluation mode.
        lower: [batch, ...] float32, ends of the box.
        upper: [batch, ...].
        image: [batch, ...] inside, where the descent starts.
        label: [batch] int.
    """

    def onward(
        number: tf.Tensor, point: tf.Tensor, best: tf.Tensor, least: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(point)
            found = tf.cast(lead(network(point, training=False), label), tf.float32)
        better = found < least
        best = tf.where(tf.reshape(better, [-1] + [1] * (image.shape.rank - 1)), point, best)
        length = 1.0 - tf.cast(number, tf.float32) / STEPS
        away = 0.5 * length * (upper - lower) * tf.sign(tape.gradient(found, point))
        return (
            number + 1,
            tf.clip_by_value(point - away, lower, upper),
            best,
            tf.minimum(found, least),
        )

    start = (tf.constant(0), image, image, tf.fill(tf.shape(label), np.float32(np.inf)))
    return tf.while_loop(lambda *_: True, onward, start, maximum_iterations=STEPS + 1)[2]


def breaks(
    network: Any,
    pieces: PiecewiseNetwork,
    point: np.ndarray,
    box: Interval,
    image: np.ndarray,
    label: int,
) -> bool:
    """Returns whether an image of the box loses the label, in float64 and with the network itself.

    Args:
        network: as it is.
        pieces: the same in float64.
        point: found, whose first entries are the image's, in float32 or in float64.
        box: its ends, [entries] float64 each.
        image: [height, width, channels] float32 inside.
        label: of it.
    """
    lower, upper = box
    found = np.ravel(point)[: lower.size].astype(np.float32)
    # float32 may have rounded out of the box.
    found = np.where(found > upper, np.nextafter(found, np.float32(-1)), found)
    found = np.where(found < lower, np.nextafter(found, np.float32(2)), found)
    found = np.where((found < lower) | (found > upper), image.ravel(), found)
    found = found.reshape(image.shape)
    both = pieces.logits(found)[None], network(found[None], training=False)
    return all(float(lead(logits, [label])[0]) <= 0 for logits in both)
