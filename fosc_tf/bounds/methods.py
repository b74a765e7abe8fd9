"""The bounds by their names: of logits, and of the margins by which the label leads.

lower, upper = crown_ibp(network, image, epsilon=0.1)
margins(network, image, label, epsilon=0.1, method="crown")      # [batch, classes]
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from fosc_tf.attacks.limits import check_epsilon
from fosc_tf.bounds.interval_bounds import Interval, intervals
from fosc_tf.bounds.linear_bounds import lower_bounds
from fosc_tf.bounds.primitives import Affine
from fosc_tf.bounds.program import Program, read
from fosc_tf.bounds.region import Region
from fosc_tf.errors import unknown_name
from fosc_tf.number import number

METHODS = ("ibp", "crown-ibp", "linear", "crown")
"""From the cheapest and widest on: intervals; linear bounds with intervals inside, with parallel
lines throughout, with adaptive lines throughout."""
_ROW_NUMBERS = 2**26
"""Numbers that the rows of one pass may have at the largest value, 256 MB."""


def interval(
    network: Any, image: tf.Tensor, *, epsilon: float, norm: str = "linf"
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns interval bounds (IBP) of the logits, [batch, classes] lower and upper."""
    return logits(network, image, epsilon=epsilon, norm=norm, method="ibp")


def crown_ibp(
    network: Any, image: tf.Tensor, *, epsilon: float, norm: str = "linf"
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns linear bounds of the logits whose inner bounds are intervals (CROWN-IBP)."""
    return logits(network, image, epsilon=epsilon, norm=norm, method="crown-ibp")


def linear(
    network: Any, image: tf.Tensor, *, epsilon: float, norm: str = "linf"
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns linear bounds of parallel lines throughout (LA, Fast-Lin)."""
    return logits(network, image, epsilon=epsilon, norm=norm, method="linear")


def crown(
    network: Any, image: tf.Tensor, *, epsilon: float, norm: str = "linf"
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns linear bounds with adaptive lines throughout (CROWN)."""
    return logits(network, image, epsilon=epsilon, norm=norm, method="crown")


def logits(
    network: Any, image: tf.Tensor, *, epsilon: float, norm: str = "linf", method: str = "crown"
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns bounds of the logits in a ball cut to [0, 1].

    Args:
        network: a functional or sequential Keras model of images to logits, in evaluation mode.
        image: [batch, height, width, channels] in [0, 1].
        epsilon: radius over pixels in [0, 1].
        norm: "linf", "l2" or "l1".
        method: one of `METHODS`.

    Returns:
        lower and upper, [batch, classes] float32 each.

    Raises:
        UserError: see `program.read`; an unknown method or norm, a radius that is none.
    """
    program, region = _prepared(network, image, epsilon, norm, method)
    batch, classes = tf.shape(region.image)[0], program.shapes[program.result][0]
    ends = intervals(program, region)
    if method == "ibp":
        return tuple(ends[program.result])
    style = "parallel" if method == "linear" else "crown"
    known = dict(enumerate(ends))
    if method != "crown-ibp":
        known |= inner(program, region, style)
    rows = tf.tile(tf.eye(classes)[None], [batch, 1, 1])
    lower, negative = (
        lower_bounds(program, region, known, sign * rows, program.result, style=style)
        for sign in (1.0, -1.0)
    )
    return lower, -negative


def margins(
    network: Any,
    image: tf.Tensor,
    label: tf.Tensor,
    *,
    epsilon: float,
    method: str = "crown",
    norm: str = "linf",
) -> tf.Tensor:
    """Returns lower bounds of z_y - z_j, [batch, classes], 0 at the label; elided.

    Elided: the difference is merged with what follows the last nonlinear step, so that nothing is
    lost between the two logits.

    Args:
        network: a functional or sequential Keras model of images to logits, in evaluation mode.
        image: [batch, height, width, channels] in [0, 1].
        label: [batch] int.
        epsilon: radius over pixels in [0, 1].
        method: one of `METHODS`.
        norm: "linf", "l2" or "l1".

    Raises:
        UserError: as `logits`.
    """
    program, region = _prepared(network, image, epsilon, norm, method)
    classes = program.shapes[program.result][0]
    own = tf.one_hot(label, classes)
    rows = own[:, None, :] - tf.eye(classes)[None]
    ends = dict(enumerate(intervals(program, region)))
    if method == "ibp":
        halts = [n for n, step in enumerate(program.steps, 1) if not _affine(step.primitive)]
        found = lower_bounds(program, region, ends, rows, program.result, halts=halts)
    else:
        style = "parallel" if method == "linear" else "crown"
        if method != "crown-ibp":
            ends |= inner(program, region, style)
        found = lower_bounds(program, region, ends, rows, program.result, style=style)
    return tf.where(own > 0, 0.0, found)


def inner(program: Program, region: Region, style: str) -> dict[int, Interval]:
    """Returns linear bounds of the input of each nonlinear step, by the number of the value."""
    found: dict[int, Interval] = {}
    for step in program.steps:
        value = step.inputs[0]
        if not _affine(step.primitive) and value not in found:
            found[value] = _of_all(program, region, found, value, style)
    return found


def _of_all(
    program: Program, region: Region, ends: dict[int, Interval], value: int, style: str
) -> Interval:
    """Returns linear bounds of every entry of a value, so many rows at a time as memory allows."""
    if value == 0:
        return Interval(region.lower, region.upper)
    shape = program.shapes[value]
    units, batch = math.prod(shape), tf.shape(region.image)[0]
    largest = max(math.prod(each) for each in program.shapes[: value + 1])
    images = region.image.shape[0] or 1
    at_once = max(1, min(units, _ROW_NUMBERS // (largest * images)))
    below, above = [], []
    for first in range(0, units, at_once):
        chosen = tf.range(first, min(first + at_once, units))
        rows = tf.reshape(tf.one_hot(chosen, units), [1, -1, *shape])
        rows = tf.tile(rows, [batch] + [1] * (len(shape) + 1))
        below.append(lower_bounds(program, region, ends, rows, value, style=style))
        above.append(-lower_bounds(program, region, ends, -rows, value, style=style))
    return Interval(*(tf.reshape(tf.concat(each, 1), [-1, *shape]) for each in (below, above)))


def _affine(primitive: Any) -> bool:
    return isinstance(primitive, Affine)


def _prepared(
    network: Any, image: tf.Tensor, epsilon: Any, norm: str, method: str
) -> tuple[Program, Region]:
    if method not in METHODS:
        raise unknown_name("method of bounds", method, METHODS)
    program = read(network)
    if not tf.is_tensor(epsilon) and number("epsilon", epsilon, "epsilon=8/255"):
        check_epsilon(epsilon, norm, program.shapes[0])  # 0 is the image alone
    return program, Region.around(tf.convert_to_tensor(image), epsilon, norm)
