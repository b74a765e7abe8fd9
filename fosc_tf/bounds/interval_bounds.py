"""Interval bounds: between which ends every value of a network stays while its image may move.

found = intervals(read(network), Region.around(image, epsilon=0.1))
found[program.result].lower, found[program.result].upper
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from fosc_tf.bounds.primitives import Affine
from fosc_tf.bounds.program import Program
from fosc_tf.bounds.region import Region


class Interval(NamedTuple):
    """Two ends, [batch, ...] each, of the image's dtype."""

    lower: tf.Tensor
    upper: tf.Tensor


def intervals(
    program: Program, region: Region, known: Mapping[int, Interval] | None = None
) -> list[Interval]:
    """Returns the interval of each value, of the image first.

    An affine step moves the centre and multiplies the radius by the magnitudes of its weights; a
    nonlinear one knows its own interval. While a ball in l2 or l1 has only been scaled, the first
    step that mixes pixels knows it by the dual norm of its rows, where that says more than the box;
    in l1 behind scales that differ, by a number that is no smaller. Centre and radius go on as they
    are from one affine step to the next. Values in `known` are taken from there.

    Source: Gowal et al. 2018; for balls Liu 2022 (thesis), Algorithm 3.2.
    """
    found, known = [Interval(region.lower, region.upper)], known or {}
    middles: dict[int, tuple[tf.Tensor, tf.Tensor]] = {}
    balls: dict[int, tuple[tf.Tensor, tf.Tensor]] = {}  # centre, and what the unit ball became
    if region.norm != "linf":
        balls[0] = (region.image, region.epsilon * tf.ones_like(region.image))
    for number, step in enumerate(program.steps, start=1):
        if number in known:
            found.append(known[number])
            continue
        ends = [found[each] for each in step.inputs]
        if not isinstance(step.primitive, Affine):
            found.append(Interval(*step.primitive.interval(*ends[0])))
            continue
        pairs = [middles[each] if each in middles else _middle(found[each]) for each in step.inputs]
        centre = step.primitive.forward(*(pair[0] for pair in pairs))
        radius = step.primitive.magnitude(*(pair[1] for pair in pairs))
        if region.norm == "linf":  # in the others the box may shrink below
            middles[number] = (centre, radius)
        box = Interval(centre - radius, centre + radius)
        ball = balls.get(step.inputs[0]) if len(ends) == 1 else None
        if ball is not None:
            centre, scale = step.primitive.forward(ball[0]), ball[1]
            if step.primitive.mixes:
                radius = step.primitive.reach(scale, region.norm)
                box = Interval(
                    tf.maximum(box.lower, centre - radius), tf.minimum(box.upper, centre + radius)
                )
            else:
                balls[number] = (centre, step.primitive.magnitude(scale))
        found.append(box)
    return found


def _middle(ends: Interval) -> tuple[tf.Tensor, tf.Tensor]:
    return 0.5 * (ends.lower + ends.upper), 0.5 * (ends.upper - ends.lower)


def tightest(program: Program, norm: str) -> set[int]:
    """Returns the values whose interval no linear bound can improve.

    These are the image, what has only been scaled and moved, and the first that mixes pixels.
    """
    plain, found = {0}, {0}
    for number, step in enumerate(program.steps, start=1):
        if isinstance(step.primitive, Affine) and step.inputs[0] in plain and len(step.inputs) == 1:
            if not step.primitive.mixes:
                plain.add(number)
                found.add(number)
            elif norm != "l1":
                found.add(number)
    return found
