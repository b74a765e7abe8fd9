"""The functions of single entries that are no lines, and the lines between which they lie.

lines = leaky_relu(0.0).lines(lower, upper, "crown")
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from fosc_tf.bounds.primitives import Elementwise, Lines, Style


def leaky_relu(slope: float) -> Elementwise:
    """Returns max(x, slope * x) for a slope in [0, 1]; 0 is the ReLU.

    Above lies the chord. Below, "crown" takes the line of slope 1 where the input reaches farther
    above 0 than below, else that of `slope`; "parallel" the chord moved down to 0. Any slope
    between the two is sound.

    Source: Zhang et al. 2018 (CROWN); Wong and Kolter 2018 and Weng et al. 2018
    (Fast-Lin) for the parallel lines.
    """

    def crossing(lower: tf.Tensor, upper: tf.Tensor) -> tf.Tensor:
        return (lower < 0) & (upper > 0)

    def lines(lower: tf.Tensor, upper: tf.Tensor, style: Style) -> Lines:
        open_, one = crossing(lower, upper), tf.ones_like(lower)
        width = tf.where(open_, upper - lower, one)
        fixed = tf.where(lower >= 0, one, slope * one)
        chord = tf.where(open_, (upper - slope * lower) / width, fixed)
        raised = tf.where(open_, (slope - 1.0) * lower * upper / width, 0.0 * one)
        if not isinstance(style, str):
            chosen = tf.clip_by_value(style, slope, 1.0)
        elif style == "parallel":
            chosen = chord
        else:
            chosen = tf.where(upper > -lower, one, slope * one)
        return Lines(tf.where(open_, chosen, fixed), tf.zeros_like(lower), chord, raised)

    def value(x: tf.Tensor) -> tf.Tensor:
        # The gradient of a maximum costs several times that of TensorFlow's own ReLU.
        return tf.nn.leaky_relu(x, slope) if slope else tf.nn.relu(x)

    return Elementwise(value, lines, undecided=crossing, free=True, lipschitz=1.0)


def sigmoid_like(
    value: Callable[[tf.Tensor], tf.Tensor],
    slope: Callable[[tf.Tensor], tf.Tensor],
    bend: Callable[[tf.Tensor], tf.Tensor],
    tangent: Callable[[tf.Tensor], tf.Tensor],
    steepest: float,
) -> Elementwise:
    """Returns a rising function, convex below 0 and concave above, odd but for a constant.

    "parallel": both lines have the slope of the chord; the intercept is that of the chord where the
    curve is on its far side alone, else of the tangent with this slope. "crown": the chord where
    it lies on the right side, the tangent in the middle on the curve's round side, and else the
    tangent through the curve's other end, or that in the middle where it would touch beyond.

    Source: Zhang et al. 2018 (CROWN); for parallel lines Liu 2022 (thesis), section 3.1.1, whose
    first case is printed lower <= upper <= 0 and must be lower < 0.

    Args:
        value: the function.
        slope: its derivative.
        bend: its second derivative.
        tangent: from a slope to the point above 0 that has it.
        steepest: the slope at 0.
    """

    def chord(lower: tf.Tensor, upper: tf.Tensor) -> tf.Tensor:
        # Where the ends are nearly one, the derivative between them says it better.
        width = upper - lower
        wide = width > 1e-5
        return tf.where(
            wide,
            (value(upper) - value(lower)) / tf.where(wide, width, tf.ones_like(width)),
            slope(0.5 * (lower + upper)),
        )

    def parallel(lower: tf.Tensor, upper: tf.Tensor) -> Lines:
        gradient = chord(lower, upper)
        ends = [value(end) - gradient * end for end in (lower, upper)]
        at = tangent(gradient)
        touched = [value(point) - gradient * point for point in (-at, at)]
        inside = [(lower < point) & (point < upper) for point in (-at, at)]
        below = tf.minimum(*ends)
        below = tf.where(inside[0], tf.minimum(below, touched[0]), below)
        above = tf.maximum(*ends)
        above = tf.where(inside[1], tf.maximum(above, touched[1]), above)
        return Lines(gradient, below, gradient, above)

    def touching(end: tf.Tensor) -> tf.Tensor:
        """Returns the point in [-end, 0] whose tangent meets the curve again at `end` > 0."""
        fixed = tf.stop_gradient(tf.maximum(end, 1e-3))

        def above(point: tf.Tensor, end: tf.Tensor) -> tf.Tensor:
            return value(point) + slope(point) * (end - point) - value(end)

        def halved(left: tf.Tensor, right: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            middle = 0.5 * (left + right)
            over = above(middle, fixed) > 0
            return tf.where(over, left, middle), tf.where(over, middle, right)

        halvings = 30 if end.dtype == tf.float32 else 60
        left, _ = tf.while_loop(
            lambda *_: True, halved, (-fixed, tf.zeros_like(fixed)), maximum_iterations=halvings
        )
        left = tf.stop_gradient(left)
        # The derivative of the point by the end, as of an implicit function.
        steep = tf.maximum(bend(left) * (fixed - left), 1e-12)
        return left - (above(left, end) - tf.stop_gradient(above(left, end))) / steep

    def crown(lower: tf.Tensor, upper: tf.Tensor) -> Lines:
        gradient, middle = chord(lower, upper), 0.5 * (lower + upper)

        def line(from_: tf.Tensor, to: tf.Tensor, convex: tf.Tensor) -> tuple[tf.Tensor, ...]:
            # Below a curve that is convex at `from_`; above it all is the same turned around 0.
            crossing = (lower < 0) & (upper > 0)
            sharp = crossing & (gradient >= slope(from_))
            at = tf.where(convex, middle, tf.where(sharp, to, from_))
            steep = tf.where(convex | sharp, slope(at), gradient)
            return steep, value(at) - steep * at

        # Where it touches beyond the middle, the tangent in the middle is nearer to the curve.
        below = line(lower, tf.minimum(touching(upper), middle), upper <= 0)
        above = line(upper, tf.maximum(-touching(-lower), middle), lower >= 0)
        return _moved(Lines(*below, *above), lower, upper)

    def _moved(lines: Lines, lower: tf.Tensor, upper: tf.Tensor) -> Lines:
        """Returns the lines, below and above the curve's ends in spite of rounding."""
        ends = [(end, value(end)) for end in (lower, upper)]
        least = tf.minimum(*(y - lines.lower_slope * x for x, y in ends))
        most = tf.maximum(*(y - lines.upper_slope * x for x, y in ends))
        return Lines(
            lines.lower_slope,
            tf.minimum(lines.lower_intercept, least),
            lines.upper_slope,
            tf.maximum(lines.upper_intercept, most),
        )

    def lines(lower: tf.Tensor, upper: tf.Tensor, style: Style) -> Lines:
        return (parallel if style == "parallel" else crown)(lower, upper)

    return Elementwise(value, lines, lipschitz=steepest)


def sigmoid() -> Elementwise:
    """Returns 1 / (1 + exp(-x))."""
    value = tf.math.sigmoid

    def slope(x: tf.Tensor) -> tf.Tensor:
        return value(x) * value(-x)

    def bend(x: tf.Tensor) -> tf.Tensor:
        return slope(x) * (value(-x) - value(x))

    def tangent(gradient: tf.Tensor) -> tf.Tensor:
        # s (1 - s) = d at s = (1 + sqrt(1 - 4 d)) / 2, and x is its logit.
        of = tf.sqrt(tf.maximum(1.0 - 4.0 * gradient, 0.0))
        small = tf.maximum(2.0 * gradient / (1.0 + of), 1e-30)  # 1 - s without cancellation
        return tf.math.log((1.0 - small) / small)

    return sigmoid_like(value, slope, bend, tangent, 0.25)


def tanh() -> Elementwise:
    """Returns tanh(x)."""
    value = tf.math.tanh

    def slope(x: tf.Tensor) -> tf.Tensor:
        return 1.0 - tf.square(value(x))

    def bend(x: tf.Tensor) -> tf.Tensor:
        return -2.0 * value(x) * slope(x)

    def tangent(gradient: tf.Tensor) -> tf.Tensor:
        # 1 - t^2 = d at t = sqrt(1 - d); atanh(t) = log((1 + t)^2 / d) / 2.
        t = tf.sqrt(tf.maximum(1.0 - gradient, 0.0))
        return tf.math.log1p(t) - 0.5 * tf.math.log(tf.maximum(gradient, 1e-30))

    return sigmoid_like(value, slope, bend, tangent, 1.0)


def convex(
    value: Callable[[tf.Tensor], tf.Tensor],
    slope: Callable[[tf.Tensor], tf.Tensor],
    steepest: float,
) -> Elementwise:
    """Returns a rising convex function: below lies its tangent in the middle, above its chord."""

    def lines(lower: tf.Tensor, upper: tf.Tensor, style: Style) -> Lines:
        del style
        middle, width = 0.5 * (lower + upper), upper - lower
        wide = width > 1e-5
        at = slope(middle)
        divisor = tf.where(wide, width, tf.ones_like(width))
        chord = tf.where(wide, (value(upper) - value(lower)) / divisor, at)
        ends = [value(end) - chord * end for end in (lower, upper)]
        return Lines(at, value(middle) - at * middle, chord, tf.maximum(*ends))

    return Elementwise(value, lines, lipschitz=steepest)


def gelu(approximate: bool) -> Elementwise:
    """Returns x * Phi(x), which falls to its least value and rises from there; lines are flat."""
    # Where the derivative vanishes, and the value there, rounded down.
    place, least = (-0.7524614, -0.1700408) if approximate else (-0.7517915, -0.1699713)

    def value(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.gelu(x, approximate=approximate)

    def interval(lower: tf.Tensor, upper: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        ends = value(lower), value(upper)
        turns = (lower < place) & (upper > place)
        lowest = tf.where(turns, least * tf.ones_like(lower), tf.minimum(*ends))
        return lowest, tf.maximum(*ends)

    # The slope, Phi(x) + x * phi(x), is largest at sqrt(2): 1.128904; that of the approximation is
    # 1.128993 there about.
    return Elementwise(value, interval=interval, lipschitz=1.129)


def softplus() -> Elementwise:
    """Returns log(1 + exp(x))."""
    return convex(tf.math.softplus, tf.math.sigmoid, 1.0)
