"""Polyhedral envelopes: how far an image may move before a linear bound of a margin reaches 0.

radius = certified_radius(network, image, label, epsilon=0.1)      # [batch], in 0..epsilon
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.bounds.leads import leads
from fosc_tf.bounds.linear_bounds import at_image
from fosc_tf.bounds.methods import Asked
from fosc_tf.bounds.primitives import root
from fosc_tf.bounds.program import read
from fosc_tf.bounds.rounding import slack
from fosc_tf.errors import unknown_name

LINEAR = ("crown-ibp", "linear", "crown")
"""The methods that bound margins by linear functions of the image."""
ROUNDS = 20
"""Of Algorithm 3.4, at most."""


def certified_radius(
    network: Any,
    image: tf.Tensor,
    label: tf.Tensor,
    *,
    epsilon: float,
    norm: str = "linf",
    method: str = "linear",
    dtype: str = "float32",
) -> np.ndarray:
    """Returns the radius in which each example is proved, with partial credit (PEC).

    In the ball of `epsilon` every margin lies above a linear function of the image; where that
    reaches 0 only at some distance, no nearer image is classified otherwise. Images stay in [0, 1].

    Source: Liu 2022 (thesis), Lemma 3.1 and Algorithm 3.4; "crown-ibp" and "crown" have their own
    lines, "linear" those of the thesis.

    Args:
        network: a functional or sequential Keras model of images to logits, in evaluation mode.
        image: [batch, height, width, channels] in [0, 1].
        label: [batch] int.
        epsilon: radius over pixels in [0, 1] of the ball in which the linear bounds are found.
        norm: "linf", "l2" or "l1".
        method: one of `LINEAR`.
        dtype: what is computed in, "float32" or "float64".

    Returns:
        [batch] float32 or float64, from 0 to epsilon; 0 for an image that is classified wrongly.

    Raises:
        UserError: as `fosc_tf.bounds.margins`.
    """
    if method not in LINEAR:
        raise unknown_name("method of envelopes", method, LINEAR)
    asked = Envelope(method, norm, dtype)
    return np.asarray(asked.of(network, asked.radius, image, label, epsilon=epsilon))


@dataclasses.dataclass(frozen=True)
class Envelope(Asked):
    """What is asked of a network: how far its linear bounds are away."""

    def radius(
        self, network: Any, image: tf.Tensor, label: tf.Tensor, epsilon: tf.Tensor
    ) -> tf.Tensor:
        """Returns [batch]; see `certified_radius`."""
        program, region = read(network), self.region(image, epsilon)
        rows = leads(program, label, self.dtype)
        ends = self.ends(program, region)
        slope, constant = at_image(program, ends, rows, program.result, style=self.style)
        shape = [tf.shape(slope)[0], tf.shape(slope)[1], -1]
        slope = tf.reshape(slope, shape)
        pixels = tf.reshape(region.image, [shape[0], 1, -1])
        here = constant + tf.reduce_sum(slope * pixels, axis=2)
        away = distance(slope, here - slack(here), -pixels, 1.0 - pixels, self.norm)
        return tf.minimum(tf.reduce_min(away, axis=1), tf.reshape(epsilon, [-1]))


def distance(
    slope: tf.Tensor, value: tf.Tensor, least: tf.Tensor, most: tf.Tensor, norm: str
) -> tf.Tensor:
    """Returns the least norm of a move within its limits that takes a linear function to 0.

    min ||d|| such that slope * d + value <= 0 and least <= d <= most. Where no move does, it is
    infinite. Entries that would leave their limits are fixed there and the others share what is
    left, `ROUNDS` times at most; stopped early, the distance is too small, never too large. In l1
    entries are used up in the order of their slopes, which is exact.

    Source: Liu 2022 (thesis), Algorithm 3.4, which calls what an early stop gives an upper bound.

    Args:
        slope: [batch, n, pixels].
        value: [batch, n]; at most 0 has distance 0.
        least: [batch, 1 or n, pixels], at most 0.
        most: [batch, 1 or n, pixels], at least 0.
        norm: "linf", "l2" or "l1".

    Returns:
        [batch, n].
    """
    size = tf.abs(slope)
    # How far each entry can go in the direction that lowers the function.
    room = tf.where(slope > 0, -least, most * tf.ones_like(slope))
    found = (_used_up if norm == "l1" else functools.partial(_shared, norm=norm))(size, value, room)
    return tf.where(value <= 0, tf.zeros_like(value), found)


def _shared(size: tf.Tensor, value: tf.Tensor, room: tf.Tensor, norm: str) -> tf.Tensor:
    never = tf.constant(np.inf, value.dtype)

    def moved(free: tf.Tensor) -> tf.Tensor:
        """Returns the magnitudes of the move whose free entries share what is left."""
        left = value - tf.reduce_sum(tf.where(free, tf.zeros_like(size), size * room), axis=2)
        weight = tf.where(free, size, tf.zeros_like(size))
        total = tf.reduce_sum(weight if norm == "linf" else tf.square(weight), axis=2)
        # Of nobody free nothing is left to share: who is then not there is told below. An infinite
        # share would have no gradient.
        each = tf.where(total > 0, left / tf.where(total > 0, total, tf.ones_like(total)), 0.0)
        each = tf.where(left > 0, each, tf.zeros_like(each))[..., None]
        share = tf.ones_like(size) if norm == "linf" else size
        # Nothing times infinity is nothing: entries without a slope stay where they are.
        return tf.where(free, tf.where(size > 0, each * share, tf.zeros_like(size)), room)

    def beyond(free: tf.Tensor) -> tf.Tensor:
        return free & (moved(free) > room)

    def hopeless(free: tf.Tensor) -> tf.Tensor:
        """Returns where all that can move does and the function is still above 0."""
        left = value - tf.reduce_sum(tf.where(free, tf.zeros_like(size), size * room), axis=2)
        return (left > 0) & ~tf.reduce_any(free & (size > 0), axis=2)

    (free,) = tf.while_loop(
        lambda free: tf.reduce_any(beyond(free)),
        lambda free: (free & ~beyond(free),),
        (tf.ones_like(size, tf.bool),),
        maximum_iterations=ROUNDS,
    )
    move = moved(free)
    if norm == "linf":
        length = tf.reduce_max(move * tf.cast(size > 0, move.dtype), axis=2)
    else:
        length = root(tf.reduce_sum(tf.square(move * tf.cast(size > 0, move.dtype)), axis=2))
    return tf.where(hopeless(free), never, length)


def _used_up(size: tf.Tensor, value: tf.Tensor, room: tf.Tensor) -> tf.Tensor:
    order = tf.argsort(size, axis=2, direction="DESCENDING")
    size, room = (tf.gather(each, order, axis=2, batch_dims=2) for each in (size, room))
    gained = tf.cumsum(size * room, axis=2)
    before = tf.concat([tf.zeros_like(gained[..., :1]), gained[..., :-1]], axis=2)
    left = tf.clip_by_value(value[..., None] - before, 0.0, size * room)
    used = tf.where(size > 0, left / tf.where(size > 0, size, tf.ones_like(size)), 0.0 * left)
    reached = gained[..., -1] >= value
    return tf.where(reached, tf.reduce_sum(used, axis=2), tf.constant(np.inf, value.dtype))
