"""Linear bounds: what a network does lies between linear functions of its image.

below = lower_bounds(program, region, ends, rows, program.result, style="crown")
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import tensorflow as tf

from fosc_tf.bounds.interval_bounds import Interval
from fosc_tf.bounds.primitives import Affine, Style, dot
from fosc_tf.bounds.program import Program
from fosc_tf.bounds.region import Region


def lower_bounds(
    program: Program,
    region: Region,
    ends: Mapping[int, Interval],
    rows: tf.Tensor,
    value: int,
    *,
    style: str = "crown",
    slopes: Mapping[int, tf.Tensor] | None = None,
    halts: Collection[int] = (),
) -> tf.Tensor:
    """Returns numbers that lie below `rows` of a value, wherever the image is in its region.

    What arrives at the image, see `at_image`, is minimised over the region.

    Returns:
        [batch, n].
    """
    back, constants = at_image(program, ends, rows, value, style=style, slopes=slopes, halts=halts)
    return constants if back is None else constants + region.least(back)


def at_image(
    program: Program,
    ends: Mapping[int, Interval],
    rows: tf.Tensor,
    value: int,
    *,
    style: str = "crown",
    slopes: Mapping[int, tf.Tensor] | None = None,
    halts: Collection[int] = (),
) -> tuple[tf.Tensor | None, tf.Tensor]:
    """Returns linear functions of the image that lie below `rows` of a value.

    The rows are pulled backwards through the steps: an affine one transposes them, a nonlinear one
    replaces its function by the line below or above, as the sign of each entry asks.

    Source: Zhang et al. 2018 (CROWN); Liu 2022 (thesis), Algorithm 3.1.

    Args:
        program: the network.
        ends: between which every nonlinear step's input stays, by the number of the value.
        rows: [batch, n, ...] of the value's shape, or [1, n, ...], the same for all examples: that
            they stay until the first nonlinear step, at the cost of one.
        value: its number.
        style: of the lines, "crown" or "parallel".
        slopes: of the lines below instead, [batch, n, ...], by the number of a step.
        halts: values at which rows are minimised over `ends` instead of going on.

    Returns:
        What each entry of the image is multiplied with, [batch, n, height, width, channels], None
        where no row came as far; and what is added, [batch, n].
    """
    waiting, slopes = {value: rows}, slopes or {}
    found = tf.zeros(tf.shape(rows)[:2], rows.dtype)
    while waiting:
        number = max(waiting)
        rows = waiting.pop(number)
        if number == 0:
            return rows, found
        if number in halts:
            found += _least(rows, ends[number])
            continue
        step = program.steps[number - 1]
        if isinstance(step.primitive, Affine):
            if step.primitive.is_biased:
                bias = tf.broadcast_to(step.primitive.bias(rows.dtype), program.shapes[number])
                leading, bias = tf.shape(rows)[:2], tf.reshape(bias, [-1, 1])
                flat = tf.reshape(rows, [-1, bias.shape[0]])
                found += tf.reshape(tf.matmul(flat, bias), leading)
            pulled = _pulled(step.primitive, rows, [program.shapes[each] for each in step.inputs])
        else:
            (source,) = step.inputs
            chosen: Style = slopes.get(number, style)
            back, constants = step.primitive.pull(rows, *ends[source], chosen)
            found += constants
            pulled = [back]
        for source, back in zip(step.inputs, pulled, strict=True):
            waiting[source] = waiting[source] + back if source in waiting else back
    return None, found


def _pulled(primitive: Affine, rows: tf.Tensor, shapes: list[tuple[int, ...]]) -> list[tf.Tensor]:
    """Returns rows [batch, n, ...] of the inputs."""
    leading = tf.shape(rows)[:2]
    flat = tf.reshape(rows, tf.concat([[-1], tf.shape(rows)[2:]], axis=0))
    flat = tf.ensure_shape(flat, [None, *rows.shape[2:]])
    back = primitive.pull(flat, shapes)
    return [
        tf.reshape(each, tf.concat([leading, shape], axis=0))
        for each, shape in zip(back, shapes, strict=True)
    ]


def _least(rows: tf.Tensor, ends: Interval) -> tf.Tensor:
    return dot(rows, ends.upper) + dot(tf.nn.relu(rows), ends.lower - ends.upper)
