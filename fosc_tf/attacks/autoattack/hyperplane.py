"""The shortest move from an image onto a hyperplane without leaving [0, 1].

move = shortest_move("l2", image, normal, -offset)      # <normal, move> = -offset
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

NEWTON_STEPS = 100
TOLERANCE = 1e-6


def shortest_move(norm: str, image: tf.Tensor, normal: tf.Tensor, lack: tf.Tensor) -> tf.Tensor:
    """Returns d of smallest norm with <normal, d> = lack and image + d in [0, 1].

    Where the box holds no such point, d goes as far towards the hyperplane as the box lets it.
    Source: the projection of Croce and Hein 2020 (FAB), section 2.2. The paper sorts the features;
    here t in d_i = min(t, room_i), for l2 min(t |normal_i|, room_i), is found by Newton's method:
    <normal, d(t)> is concave and piecewise linear in t, so that from t = 0 Newton never overshoots
    and ends at the exact root.

    Args:
        norm: "linf" or "l2".
        image: [batch, features] float32 in [0, 1].
        normal: [batch, features] float32.
        lack: [batch] float32, any sign.

    Returns:
        [batch, features] float32.
    """
    towards = tf.sign(normal) * tf.sign(lack)[:, None]
    slope = tf.abs(normal)
    room = tf.where(towards > 0, 1.0 - image, image)
    # Gradients span many orders of magnitude; with a largest slope of 1 nothing underflows.
    largest = tf.reduce_max(slope, axis=1, keepdims=True)
    slope = tf.math.divide_no_nan(slope, largest)
    lack = tf.math.divide_no_nan(tf.abs(lack), largest[:, 0])
    pace = tf.ones_like(slope) if norm == "linf" else slope

    def moved(t: tf.Tensor) -> tf.Tensor:
        return tf.minimum(t[:, None] * pace, room)

    def at(t: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns t, what is missing there, and how fast that falls."""
        missing = lack - tf.reduce_sum(slope * moved(t), axis=1)
        falls = tf.where(t[:, None] * pace < room, slope * pace, 0.0)
        return t, missing, tf.reduce_sum(falls, axis=1)

    def unfinished(done: tf.Tensor, t: tf.Tensor, missing: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
        del t
        open_ = (missing > TOLERANCE * lack) & (rate > 0)
        return (done < NEWTON_STEPS) & tf.reduce_any(open_)

    def newton(done: tf.Tensor, t: tf.Tensor, missing: tf.Tensor, rate: tf.Tensor) -> Any:
        return done + 1, *at(t + tf.math.divide_no_nan(tf.maximum(missing, 0.0), rate))

    begin = 0, *at(tf.zeros_like(lack))
    _, t, *_ = tf.while_loop(unfinished, newton, begin, parallel_iterations=1)
    return towards * moved(t)
