"""Linear bounds: what a network does lies between linear functions of its image.

below = lower_bounds(program, region, ends, rows, program.result, style="crown")
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import tensorflow as tf

from fosc_tf.bounds.interval_bounds import Interval
from fosc_tf.bounds.primitives import Affine, over_features
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
    halts: Collection[int] = (),
) -> tf.Tensor:
    """Returns numbers that lie below `rows` of a value, wherever the image is in its region.

    The rows are pulled backwards through the steps: an affine one transposes them, a nonlinear one
    replaces its function by the line below or above, as the sign of each entry asks. What arrives
    at the image is minimised over the region.

    Source: Zhang et al. 2018 (CROWN); Liu 2022 (thesis), Algorithm 3.1.

    Args:
        program: the network.
        region: of the images.
        ends: between which every nonlinear step's input stays, by the number of the value.
        rows: [batch, n, ...] of the value's shape.
        value: its number.
        style: of the lines, "crown" or "parallel".
        halts: values at which rows are minimised over `ends` instead of going on.

    Returns:
        [batch, n] float32.
    """
    waiting = {value: rows}
    found = tf.zeros(tf.shape(rows)[:2])
    while waiting:
        number = max(waiting)
        rows = waiting.pop(number)
        if number == 0:
            found += region.least(rows)
            continue
        if number in halts:
            found += _least(rows, ends[number])
            continue
        step = program.steps[number - 1]
        if isinstance(step.primitive, Affine):
            found += over_features(rows * step.primitive.bias())
            pulled = _pulled(step.primitive, rows, [program.shapes[each] for each in step.inputs])
        else:
            (source,) = step.inputs
            back, constants = step.primitive.pull(rows, *ends[source], style)
            found += constants
            pulled = [back]
        for source, back in zip(step.inputs, pulled, strict=True):
            waiting[source] = waiting[source] + back if source in waiting else back
    return found


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
    positive, negative = tf.maximum(rows, 0.0), tf.minimum(rows, 0.0)
    return over_features(positive * ends.lower[:, None] + negative * ends.upper[:, None])
