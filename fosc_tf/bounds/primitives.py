"""What a layer does, in the few words that bounds know: linear maps, and functions that are not.

An `Affine` knows its magnitude and its transpose; a `Nonlinear` knows what an interval becomes, and
between which lines it lies there. Interval and linear bounds know nothing else of layers.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

Weigh = Callable[[tf.Tensor], tf.Tensor]
STYLES = ("crown", "parallel")


def as_they_are(weight: tf.Tensor) -> tf.Tensor:
    """Returns weights unchanged."""
    return weight


class Affine:
    """A sum of linear maps, one of each input, plus a bias.

    Args:
        apply: `apply(weigh, *inputs)`: the linear part, with weights that `weigh` has changed; for
            an addition, say, `weigh(1.0) * a + weigh(1.0) * b`. Inputs and output have a batch
            axis first, of any size.
        bias: returns what is added, of the output's shape without the batch, or broadcast to it.
        diagonal: each entry of the output is one of the only input's, at the same place, times a
            number.
    """

    def __init__(
        self,
        apply: Callable[..., tf.Tensor],
        bias: Callable[[], tf.Tensor] | None = None,
        *,
        diagonal: bool = False,
    ) -> None:
        self.apply, self._bias, self.diagonal = apply, bias, diagonal

    def bias(self) -> tf.Tensor:
        """Returns what is added, a scalar 0 where nothing is."""
        return tf.zeros([]) if self._bias is None else self._bias()

    def forward(self, *inputs: tf.Tensor) -> tf.Tensor:
        """Returns the output at `inputs`."""
        return self.apply(as_they_are, *inputs) + self.bias()

    def magnitude(self, *radii: tf.Tensor) -> tf.Tensor:
        """Returns how far the output may move while each input moves by its radius at most."""
        return self.apply(tf.abs, *radii)

    def euclidean(self, scale: tf.Tensor) -> tf.Tensor:
        """Returns the l2 norm of each row, its entries times `scale` of the only input."""
        squares = self.apply(tf.square, tf.square(scale))
        positive = squares > 0
        return tf.where(positive, tf.sqrt(tf.where(positive, squares, 1.0)), 0.0)

    def pull(self, rows: tf.Tensor, shapes: Sequence[Sequence[int]]) -> list[tf.Tensor]:
        """Returns the transposed map of `rows`, one result for each input.

        Args:
            rows: [n, ...] of the output's shape.
            shapes: of the inputs, without the batch axis.
        """
        count = tf.shape(rows)[0]
        # The map is linear: where its derivative is taken means nothing.
        inputs = [tf.zeros([count, *shape]) for shape in shapes]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            outputs = self.apply(as_they_are, *inputs)
        return tape.gradient(outputs, inputs, output_gradients=rows, unconnected_gradients="zero")


class Lines(NamedTuple):
    """Two lines that enclose a function between two ends: slope * x + intercept, elementwise."""

    lower_slope: tf.Tensor
    lower_intercept: tf.Tensor
    upper_slope: tf.Tensor
    upper_intercept: tf.Tensor


class Nonlinear(abc.ABC):
    """A function of one input that is no linear map."""

    @abc.abstractmethod
    def interval(self, lower: tf.Tensor, upper: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the least and the largest output while the input is between the two."""

    @abc.abstractmethod
    def pull(
        self, rows: tf.Tensor, lower: tf.Tensor, upper: tf.Tensor, style: str
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns rows of the input and constants that lie below `rows` of the output.

        Args:
            rows: [batch, n, ...] of the output's shape.
            lower: [batch, ...] least input.
            upper: [batch, ...] largest input.
            style: of the lines, one of `STYLES`.

        Returns:
            [batch, n, ...] of the input's shape, [batch, n].
        """


class Elementwise(Nonlinear):
    """A function of each entry.

    Args:
        value: the function.
        lines: of lower, upper and style to the lines that enclose it there; None are horizontal
            ones through the ends of `interval`, which are sound for every function.
        interval: of lower and upper to the least and largest value; None are those at the ends,
            which are right for a function that never falls.
    """

    def __init__(
        self,
        value: Callable[[tf.Tensor], tf.Tensor],
        lines: Callable[[tf.Tensor, tf.Tensor, str], Lines] | None = None,
        interval: Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]] | None = None,
    ) -> None:
        self.value, self._lines, self._interval = value, lines, interval

    def interval(self, lower: tf.Tensor, upper: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Nonlinear`."""
        if self._interval is not None:
            return self._interval(lower, upper)
        return self.value(lower), self.value(upper)

    def lines(self, lower: tf.Tensor, upper: tf.Tensor, style: str) -> Lines:
        """Returns the lines that enclose the function between lower and upper."""
        if self._lines is not None:
            return self._lines(lower, upper, style)
        least, largest = self.interval(lower, upper)
        flat = tf.zeros_like(lower)
        return Lines(flat, least, flat, largest)

    def pull(
        self, rows: tf.Tensor, lower: tf.Tensor, upper: tf.Tensor, style: str
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Nonlinear`."""
        lines = Lines(*(each[:, None] for each in self.lines(lower, upper, style)))
        positive, negative = tf.maximum(rows, 0.0), tf.minimum(rows, 0.0)
        constants = positive * lines.lower_intercept + negative * lines.upper_intercept
        pulled = positive * lines.lower_slope + negative * lines.upper_slope
        return pulled, over_features(constants)


class Largest(Nonlinear):
    """The largest of several entries, as max pooling has it.

    Below lies the entry whose lower end is largest; above that very entry where it is larger than
    all others for certain, else the largest upper end.

    Args:
        pool: from [batch, ...] to the largest of each group, differentiable.
    """

    def __init__(self, pool: Callable[[tf.Tensor], tf.Tensor]) -> None:
        self.pool = pool

    def interval(self, lower: tf.Tensor, upper: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Nonlinear`."""
        return self.pool(lower), self.pool(upper)

    def pull(
        self, rows: tf.Tensor, lower: tf.Tensor, upper: tf.Tensor, style: str
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Nonlinear`."""
        del style
        chosen, highest = self.interval(lower, upper)
        # The chosen entry apart, no other reaches above its lower end.
        own = self._scattered(lower, tf.ones_like(chosen)[:, None])[:, 0] > 0
        others = self.pool(tf.where(own, lower, upper))
        certain = (others <= chosen)[:, None]
        positive, negative = tf.maximum(rows, 0.0), tf.minimum(rows, 0.0)
        kept = positive + tf.where(certain, negative, 0.0)
        constants = tf.where(certain, 0.0, negative * highest[:, None])
        return self._scattered(lower, kept), over_features(constants)

    def _scattered(self, lower: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """Returns `rows` [batch, n, ...] at the places of the largest entries of `lower`."""
        lower = tf.stop_gradient(lower)
        count = tf.shape(rows)[1]
        wide = tf.repeat(lower, count, axis=0)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(wide)
            pooled = self.pool(wide)
        flat = tf.reshape(rows, tf.concat([[-1], tf.shape(rows)[2:]], axis=0))
        gradient = tape.gradient(pooled, wide, output_gradients=flat)
        shape = tf.concat([tf.shape(rows)[:2], tf.shape(lower)[1:]], axis=0)
        return tf.reshape(gradient, shape)


def over_features(values: tf.Tensor) -> tf.Tensor:
    """Returns the sums of [batch, n, ...] over all further axes, [batch, n]."""
    return tf.reduce_sum(tf.reshape(values, [*_leading(values), -1]), axis=2)


def _leading(values: tf.Tensor) -> list[tf.Tensor]:
    return [tf.shape(values)[0], tf.shape(values)[1]]


def leaky_relu(slope: float) -> Elementwise:
    """Returns max(x, slope * x) for a slope in [0, 1]; 0 is the ReLU.

    Above lies the chord. Below, "crown" takes the line of slope 1 where the input reaches farther
    above 0 than below, else that of `slope`; "parallel" the chord moved down to 0.

    Source: Zhang et al. 2018 (CROWN); Wong and Kolter 2018 and Weng et al. 2018
    (Fast-Lin) for the parallel lines.
    """

    def lines(lower: tf.Tensor, upper: tf.Tensor, style: str) -> Lines:
        crossing = (lower < 0) & (upper > 0)
        width = tf.where(crossing, upper - lower, 1.0)
        fixed = tf.where(lower >= 0, 1.0, slope)
        chord = tf.where(crossing, (upper - slope * lower) / width, fixed)
        raised = tf.where(crossing, (slope - 1.0) * lower * upper / width, 0.0)
        adaptive = tf.where(upper > -lower, 1.0, slope)
        below = chord if style == "parallel" else tf.where(crossing, adaptive, fixed)
        return Lines(below, tf.zeros_like(lower), chord, raised)

    return Elementwise(lambda x: tf.maximum(x, slope * x), lines)


def sigmoid_like(
    value: Callable[[tf.Tensor], tf.Tensor],
    slope: Callable[[tf.Tensor], tf.Tensor],
    tangent: Callable[[tf.Tensor], tf.Tensor],
) -> Elementwise:
    """Returns a rising function, convex below 0 and concave above, between parallel lines.

    Both lines have the slope of the chord; the intercept is that of the chord where the curve is on
    its far side alone, else of the tangent with this slope.

    Source: Liu 2022 (thesis), section 3.1.1, whose first case is printed lower <= upper <= 0 and
    must be lower < 0.

    Args:
        value: the function.
        slope: its derivative.
        tangent: from a slope to the point above 0 that has it.
    """

    def lines(lower: tf.Tensor, upper: tf.Tensor, style: str) -> Lines:
        del style
        width = upper - lower
        wide = width > 1e-5
        chord = (value(upper) - value(lower)) / tf.where(wide, width, 1.0)
        middle = slope(0.5 * (lower + upper))
        gradient = tf.where(wide, chord, middle)
        # Between rounding and 1e-5 the derivative differs from the chord by less than its square.
        ends = [value(end) - gradient * end for end in (lower, upper)]
        at = tangent(gradient)
        touched = [value(point) - gradient * point for point in (-at, at)]
        inside = [(lower < point) & (point < upper) for point in (-at, at)]
        below = tf.minimum(*ends)
        below = tf.where(inside[0], tf.minimum(below, touched[0]), below)
        above = tf.maximum(*ends)
        above = tf.where(inside[1], tf.maximum(above, touched[1]), above)
        return Lines(gradient, below, gradient, above)

    return Elementwise(value, lines)


def sigmoid() -> Elementwise:
    """Returns 1 / (1 + exp(-x))."""

    def tangent(gradient: tf.Tensor) -> tf.Tensor:
        # s (1 - s) = d at s = (1 + sqrt(1 - 4 d)) / 2, and x is its logit.
        root = tf.sqrt(tf.maximum(1.0 - 4.0 * gradient, 0.0))
        small = tf.maximum(2.0 * gradient / (1.0 + root), 1e-30)  # 1 - s without cancellation
        return tf.math.log((1.0 - small) / small)

    return sigmoid_like(
        tf.math.sigmoid, lambda x: tf.math.sigmoid(x) * tf.math.sigmoid(-x), tangent
    )


def tanh() -> Elementwise:
    """Returns tanh(x)."""

    def tangent(gradient: tf.Tensor) -> tf.Tensor:
        # 1 - t^2 = d at t = sqrt(1 - d); atanh(t) = log((1 + t)^2 / d) / 2.
        t = tf.sqrt(tf.maximum(1.0 - gradient, 0.0))
        return tf.math.log1p(t) - 0.5 * tf.math.log(tf.maximum(gradient, 1e-30))

    return sigmoid_like(tf.math.tanh, lambda x: 1.0 - tf.square(tf.math.tanh(x)), tangent)


def convex(
    value: Callable[[tf.Tensor], tf.Tensor], slope: Callable[[tf.Tensor], tf.Tensor]
) -> Elementwise:
    """Returns a rising convex function: below lies its tangent in the middle, above its chord."""

    def lines(lower: tf.Tensor, upper: tf.Tensor, style: str) -> Lines:
        del style
        middle, width = 0.5 * (lower + upper), upper - lower
        wide = width > 1e-5
        at = slope(middle)
        chord = tf.where(wide, (value(upper) - value(lower)) / tf.where(wide, width, 1.0), at)
        ends = [value(end) - chord * end for end in (lower, upper)]
        return Lines(at, value(middle) - at * middle, chord, tf.maximum(*ends))

    return Elementwise(value, lines)


def gelu(approximate: bool) -> Elementwise:
    """Returns x * Phi(x), which falls to its least value and rises from there; lines are flat."""
    # Where the derivative vanishes, and the value there, rounded down.
    place, least = (-0.7524614, -0.1700408) if approximate else (-0.7517915, -0.1699713)

    def value(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.gelu(x, approximate=approximate)

    def interval(lower: tf.Tensor, upper: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        ends = value(lower), value(upper)
        lowest = tf.where((lower < place) & (upper > place), least, tf.minimum(*ends))
        return lowest, tf.maximum(*ends)

    return Elementwise(value, interval=interval)
