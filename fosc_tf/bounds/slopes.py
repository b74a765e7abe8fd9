"""Slopes of the lines below, chosen by gradient ascent for the rows that are asked for (alpha).

least = ascended(program, region, ends, rows)
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from fosc_tf.bounds.interval_bounds import Interval
from fosc_tf.bounds.linear_bounds import lower_bounds
from fosc_tf.bounds.primitives import Affine
from fosc_tf.bounds.program import Program
from fosc_tf.bounds.region import Region

STEPS, RATE, DECAY = 20, 0.5, 0.98
"""Of the ascent: how many, the first rate, and what the rate is multiplied with after each."""


def ascended(
    program: Program, region: Region, ends: Mapping[int, Interval], rows: tf.Tensor
) -> tf.Tensor:
    """Returns lower bounds [batch, n] of rows of the logits, the largest of all steps.

    Every slope of a ReLU's lower line, leaky or not, is one's own for each example and row, starts
    where CROWN has it, and goes up by Adam. Any slope is sound, so each bound is.
    Departure: the ends of inner values stay those of CROWN, as that library's default has it.

    Source: Xu et al. 2021 (alpha-CROWN); steps and rates of auto_LiRPA.

    Args:
        program: the network.
        region: of the images.
        ends: between which every nonlinear step's input stays, by the number of the value.
        rows: [batch or 1, n, classes].
    """
    free = {}
    for number, step in enumerate(program.steps, start=1):
        if not isinstance(step.primitive, Affine):
            first = step.primitive.slopes(*ends[step.inputs[0]])
            if first is not None:
                free[number] = first
    if not free:
        return lower_bounds(program, region, ends, rows, program.result)
    batch = tf.shape(region.image)[:1]
    rows = tf.broadcast_to(rows, tf.concat([batch, tf.shape(rows)[1:]], axis=0))
    count = tf.shape(rows)[1]
    start = [tf.repeat(tf.stop_gradient(each)[:, None], count, axis=1) for each in free.values()]

    def bounds(slopes: list[tf.Tensor]) -> tf.Tensor:
        chosen = dict(zip(free, slopes, strict=True))
        return lower_bounds(program, region, ends, rows, program.result, slopes=chosen)

    def onward(number: tf.Tensor, best: tf.Tensor, slopes: list, mean: list, square: list) -> tuple:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(slopes)
            found = bounds(slopes)
        gradients = tape.gradient(found, slopes, unconnected_gradients="zero")
        time = tf.cast(number + 1, rows.dtype)
        rate = RATE * tf.pow(tf.cast(DECAY, rows.dtype), time - 1.0)
        mean = [0.9 * m + 0.1 * g for m, g in zip(mean, gradients, strict=True)]
        square = [0.999 * v + 0.001 * g * g for v, g in zip(square, gradients, strict=True)]
        unbiased = [
            (m / (1.0 - 0.9**time), v / (1.0 - 0.999**time))
            for m, v in zip(mean, square, strict=True)
        ]
        slopes = [
            tf.clip_by_value(s + rate * m / (tf.sqrt(v) + 1e-8), 0.0, 1.0)
            for s, (m, v) in zip(slopes, unbiased, strict=True)
        ]
        return number + 1, tf.maximum(best, found), slopes, mean, square

    nothing = [tf.zeros_like(each) for each in start]
    worst = tf.fill(tf.shape(rows)[:2], tf.constant(rows.dtype.min, rows.dtype))
    _, best, slopes, _, _ = tf.while_loop(
        lambda *_: True,
        onward,
        (tf.constant(0), worst, start, nothing, list(nothing)),
        maximum_iterations=STEPS,
    )
    return tf.maximum(best, bounds(slopes))
