"""Linear bounds of what goes into each nonlinear step, one after the other.

ends = inner(program, region, style="crown")
"""

from __future__ import annotations

import math

import tensorflow as tf

from fosc_tf.bounds.interval_bounds import Interval, intervals, tightest
from fosc_tf.bounds.linear_bounds import lower_bounds
from fosc_tf.bounds.primitives import Affine, Nonlinear
from fosc_tf.bounds.program import Program
from fosc_tf.bounds.region import Region

ROW_NUMBERS = 2**25
"""Numbers that the rows of one pass may have at the largest value, 128 MB in float32."""


def inner(program: Program, region: Region, style: str) -> dict[int, Interval]:
    """Returns the ends of every value by its number.

    Those of an affine step that a nonlinear one reads are its linear bounds, where the reader has
    not decided by the interval which line it is; the others stay intervals.

    Args:
        program: the network.
        region: of the images.
        style: of the lines, "crown" or "parallel".
    """
    found = dict(enumerate(intervals(program, region)))
    known = tightest(program, region.norm)
    readers: dict[int, list[Nonlinear]] = {}
    for step in program.steps:
        if not isinstance(step.primitive, Affine):
            readers.setdefault(step.inputs[0], []).append(step.primitive)
    tight: dict[int, Interval] = {}
    for value, step in enumerate(program.steps, start=1):
        # Of a nonlinear step's output nothing is tighter than the interval of its ends.
        if isinstance(step.primitive, Affine) and value in readers and value not in known:
            undecided = [each.undecided(*found[value]) for each in readers[value]]
            open_ = tf.reduce_any(tf.stack(undecided), axis=0)
            tight[value] = _tightened(program, region, found, value, open_, style)
            # What comes behind is known better now, and more of it decided.
            found = dict(enumerate(intervals(program, region, tight)))
    return found


def _tightened(
    program: Program,
    region: Region,
    ends: dict[int, Interval],
    value: int,
    wanted: tf.Tensor,
    style: str,
) -> Interval:
    """Returns the ends of a value, linear bounds where `wanted` [batch, ...], else as they are.

    Rows go for all examples together, so many at a time as memory allows.
    """
    shape, batch = program.shapes[value], tf.shape(region.image)[0]
    units = math.prod(shape)
    largest = max(math.prod(each) for each in program.shapes[: value + 1])
    wanted = tf.reshape(wanted, [batch, units])
    chosen = tf.cast(tf.where(tf.reduce_any(wanted, axis=0))[:, 0], tf.int32)
    count = tf.shape(chosen)[0]
    at_once = tf.clip_by_value(ROW_NUMBERS // (largest * batch), 1, tf.maximum(count, 1))

    def ends_of(first: tf.Tensor) -> tf.Tensor:
        """Returns both ends of `at_once` units, [2, at_once, batch]."""
        numbers = chosen[first : first + at_once]
        numbers = tf.pad(numbers, [[0, at_once - tf.shape(numbers)[0]]], constant_values=units)
        rows = tf.reshape(tf.one_hot(numbers, units, dtype=region.image.dtype), [1, -1, *shape])
        both = tf.concat([rows, -rows], axis=1)
        found = lower_bounds(program, region, ends, both, value, style=style)
        lower, negative = tf.split(found, 2, axis=1)
        return tf.stack([tf.transpose(lower), -tf.transpose(negative)])

    found = tf.map_fn(
        ends_of,
        tf.range(0, tf.maximum(count, 1), at_once),  # of none TensorFlow stacks nothing
        fn_output_signature=tf.TensorSpec([2, None, None], region.image.dtype),
        parallel_iterations=1,
    )
    both = tf.reshape(tf.transpose(found, [1, 0, 2, 3]), [2, -1, batch])[:, :count]

    def put(end: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        flat = tf.reshape(end, [batch, units])
        filled = tf.tensor_scatter_nd_update(tf.transpose(flat), chosen[:, None], rows)
        # One example's bounds do not depend on which others are beside it.
        return tf.reshape(tf.where(wanted, tf.transpose(filled), flat), [batch, *shape])

    return Interval(put(ends[value].lower, both[0]), put(ends[value].upper, both[1]))
