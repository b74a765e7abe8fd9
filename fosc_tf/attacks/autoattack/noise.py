"""Random numbers that belong to an example, not to the batch it happens to be in.

key = keys(seed, stream, position=tf.range(4, dtype=tf.int64))     # [4], one for each example
uniform(key, step=7, count=2)                                      # [4, 2] in [0, 1)

Examples leave the batch while an attack runs and batches may be cut anywhere; TensorFlow's
stateless generators take one seed for a whole tensor, so an example's draws would depend on its
company. Here each number is a hash of (words such as the seed, position, step, index).
"""

from __future__ import annotations

import math

import tensorflow as tf

GOLDEN = 0x9E3779B97F4A7C15


def keys(*words: int | tf.Tensor, position: tf.Tensor) -> tf.Tensor:
    """Returns one key for each example, [batch] uint64.

    Args:
        words: whole numbers that fit int64 and tell apart seeds, attacks and restarts.
        position: [batch] int64, the example's place in the whole set.
    """
    golden = tf.constant(GOLDEN, tf.uint64)
    common = golden
    for word in words:
        common = _mix(common ^ _word(word)) + golden
    return _mix(common + _word(position) * golden)


def uniform(key: tf.Tensor, step: int | tf.Tensor, count: int) -> tf.Tensor:
    """Returns numbers uniform in [0, 1), [batch, count] float32, multiples of 2**-24.

    Args:
        key: [batch] uint64 of `keys`.
        step: whole number; every step draws anew.
        count: numbers for each example.
    """
    golden = tf.constant(GOLDEN, tf.uint64)
    own = _mix(key ^ _mix(_word(step) + golden))[:, None]
    index = tf.range(1, count + 1, dtype=tf.int64)[None]
    bits = _mix(own + _word(index) * golden)
    top = tf.bitwise.right_shift(bits, tf.constant(40, tf.uint64))
    return tf.cast(top, tf.float32) * 2.0**-24


def normal(key: tf.Tensor, step: int | tf.Tensor, count: int) -> tf.Tensor:
    """Returns standard normal numbers, [batch, count] float32 (Box and Muller 1958)."""
    pairs = uniform(key, step, 2 * count)
    radius = tf.sqrt(-2.0 * tf.math.log(1.0 - pairs[:, :count]))
    return radius * tf.cos(2.0 * math.pi * pairs[:, count:])


def signs(key: tf.Tensor, step: int | tf.Tensor, count: int) -> tf.Tensor:
    """Returns -1 or 1 with equal chance, [batch, count] float32."""
    return tf.where(uniform(key, step, count) < 0.5, -1.0, 1.0)


def _word(number: int | tf.Tensor) -> tf.Tensor:
    return tf.bitcast(tf.cast(number, tf.int64), tf.uint64)


def _mix(word: tf.Tensor) -> tf.Tensor:
    """Returns the finaliser of SplitMix64, a bijection (Steele, Lea and Flood 2014, section 3)."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        word = (word ^ tf.bitwise.right_shift(word, tf.constant(shift, tf.uint64))) * tf.constant(
            factor, tf.uint64
        )
    return word ^ tf.bitwise.right_shift(word, tf.constant(31, tf.uint64))
