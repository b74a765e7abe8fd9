"""What a layer does, in the few words that bounds know: linear maps, and functions that are not.

An `Affine` knows its magnitude and its transpose; a `Nonlinear` knows what an interval becomes, and
between which lines it lies there. Interval and linear bounds know nothing else of layers.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

Weigh = Callable[[Any], tf.Tensor]
"""From a weight of any dtype, or what becomes a tensor, to what it is multiplied with."""
Style = str | tf.Tensor
"""Of the lines below and above: one of `STYLES`, or the slopes of those below [batch, n, ...]."""
STYLES = ("crown", "parallel")


class Affine:
    """A sum of linear maps, one of each input, plus a bias.

    Args:
        apply: `apply(weigh, *inputs)`: the linear part, with weights that `weigh` has changed; for
            a mean of two, say, `weigh(0.5) * a + weigh(0.5) * b`. Inputs and output have a batch
            axis first, of any size, and one dtype, to which `weigh` brings the weights.
        bias: returns what is added, of the output's shape without the batch, or broadcast to it.
        mixes: whether an entry of the output depends on several of the input's, or several on one.
            Flattening and scaling do not mix.
        largest: returns the largest magnitude of a weight in each row, or more, broadcast to the
            output's shape; None where nobody says. It bounds balls in l1.
    """

    def __init__(
        self,
        apply: Callable[..., tf.Tensor],
        bias: Callable[[], tf.Tensor] | None = None,
        *,
        mixes: bool = True,
        largest: Callable[[], tf.Tensor] | None = None,
    ) -> None:
        self.apply, self._bias, self.mixes, self._largest = apply, bias, mixes, largest

    def bias(self, dtype: tf.DType = tf.float32) -> tf.Tensor:
        """Returns what is added, a scalar 0 where nothing is."""
        return tf.zeros([], dtype) if self._bias is None else as_tensor(self._bias(), dtype)

    def forward(self, *inputs: tf.Tensor) -> tf.Tensor:
        """Returns the output at `inputs`."""
        dtype = inputs[0].dtype
        found = self.apply(lambda weight: as_tensor(weight, dtype), *inputs)
        if self._bias is None:
            return found
        bias = self.bias(dtype)
        # As an operation of its own TensorFlow merges it with a convolution.
        return tf.nn.bias_add(found, bias) if bias.shape.rank == 1 else found + bias

    @property
    def is_biased(self) -> bool:
        """Whether anything is added."""
        return self._bias is not None

    def magnitude(self, *radii: tf.Tensor) -> tf.Tensor:
        """Returns how far the output may move while each input moves by its radius at most."""
        return self.apply(lambda weight: tf.abs(as_tensor(weight, radii[0].dtype)), *radii)

    def reach(self, scale: tf.Tensor, norm: str) -> tf.Tensor:
        """Returns how far the output may move while the only input moves in a ball of radius 1.

        Args:
            scale: [batch, ...] what each entry of the ball is multiplied with before.
            norm: of the ball, "l2" or "l1"; in l1 it may be more than how far.
        """
        squares = self.apply(
            lambda weight: tf.square(as_tensor(weight, scale.dtype)), tf.square(scale)
        )
        found = root(squares)
        if norm == "l1" and self._largest is not None:
            farthest = tf.reduce_max(scale, axis=list(range(1, scale.shape.rank)))
            farthest = tf.reshape(farthest, [-1] + [1] * (found.shape.rank - 1))
            found = tf.minimum(found, as_tensor(self._largest(), scale.dtype) * farthest)
        return found

    def pull(self, rows: tf.Tensor, shapes: Sequence[Sequence[int]]) -> list[tf.Tensor]:
        """Returns the transposed map of `rows`, one result for each input.

        Args:
            rows: [n, ...] of the output's shape.
            shapes: of the inputs, without the batch axis.
        """
        count = tf.shape(rows)[0]
        # The map is linear: where its derivative is taken means nothing.
        inputs = [tf.zeros([count, *shape], rows.dtype) for shape in shapes]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            outputs = self.apply(lambda weight: as_tensor(weight, rows.dtype), *inputs)
        return tape.gradient(outputs, inputs, output_gradients=rows, unconnected_gradients="zero")


class Lines(NamedTuple):
    """Two lines that enclose a function between two ends: slope * x + intercept, elementwise."""

    lower_slope: tf.Tensor
    lower_intercept: tf.Tensor
    upper_slope: tf.Tensor
    upper_intercept: tf.Tensor


class Nonlinear(abc.ABC):
    """A function of one input that is no linear map."""

    def undecided(self, lower: tf.Tensor, upper: tf.Tensor) -> tf.Tensor:
        """Returns where the lines between two ends are no exact account of the function, bool."""
        return tf.ones_like(lower, tf.bool) | tf.ones_like(upper, tf.bool)

    def slopes(self, lower: tf.Tensor, upper: tf.Tensor) -> tf.Tensor | None:
        """Returns the slopes below that "crown" takes, where others may be chosen, else None."""
        del lower, upper

    @abc.abstractmethod
    def interval(self, lower: tf.Tensor, upper: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the least and the largest output while the input is between the two."""

    @abc.abstractmethod
    def pull(
        self, rows: tf.Tensor, lower: tf.Tensor, upper: tf.Tensor, style: Style
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns rows of the input and constants that lie below `rows` of the output.

        Args:
            rows: [batch, n, ...] of the output's shape.
            lower: [batch, ...] least input.
            upper: [batch, ...] largest input.
            style: of the lines.

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
        undecided: of lower and upper to where the function is not a line between them, bool; None
            is everywhere.
        free: whether `lines` takes slopes as its style.
    """

    def __init__(
        self,
        value: Callable[[tf.Tensor], tf.Tensor],
        lines: Callable[[tf.Tensor, tf.Tensor, Style], Lines] | None = None,
        interval: Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]] | None = None,
        *,
        undecided: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
        free: bool = False,
    ) -> None:
        self.value, self._lines, self._interval = value, lines, interval
        self._undecided, self._free = undecided, free

    def undecided(self, lower: tf.Tensor, upper: tf.Tensor) -> tf.Tensor:
        """See `Nonlinear`."""
        if self._undecided is None:
            return super().undecided(lower, upper)
        return self._undecided(lower, upper)

    def slopes(self, lower: tf.Tensor, upper: tf.Tensor) -> tf.Tensor | None:
        """See `Nonlinear`."""
        return self.lines(lower, upper, "crown").lower_slope if self._free else None

    def interval(self, lower: tf.Tensor, upper: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Nonlinear`."""
        if self._interval is not None:
            return self._interval(lower, upper)
        return self.value(lower), self.value(upper)

    def lines(self, lower: tf.Tensor, upper: tf.Tensor, style: Style) -> Lines:
        """Returns the lines that enclose the function between lower and upper."""
        if self._lines is not None:
            return self._lines(lower, upper, style)
        least, largest = self.interval(lower, upper)
        flat = tf.zeros_like(lower)
        return Lines(flat, least, flat, largest)

    def pull(
        self, rows: tf.Tensor, lower: tf.Tensor, upper: tf.Tensor, style: Style
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Nonlinear`."""
        lines = self.lines(lower[:, None], upper[:, None], style)
        # Rows are large: what is above 0 takes the line below, and the rest the one above.
        positive = tf.nn.relu(rows)
        pulled = rows * tf.where(rows > 0, lines.lower_slope, lines.upper_slope)
        above, below = lines.upper_intercept[:, 0], lines.lower_intercept[:, 0]
        return pulled, dot(rows, above) + dot(positive, below - above)


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
        self, rows: tf.Tensor, lower: tf.Tensor, upper: tf.Tensor, style: Style
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Nonlinear`."""
        del style
        chosen, highest = self.interval(lower, upper)
        # The chosen entry apart, no other reaches above its lower end.
        own = self._scattered(lower, tf.ones_like(chosen)[:, None])[:, 0] > 0
        others = self.pool(tf.where(own, lower, upper))
        certain = (others <= chosen)[:, None]
        positive, negative = tf.maximum(rows, 0.0), tf.minimum(rows, 0.0)
        kept = positive + tf.where(certain, negative, tf.zeros_like(negative))
        open_ = tf.where(certain, tf.zeros_like(negative), negative)
        return self._scattered(lower, kept), dot(open_, highest)

    def _scattered(self, lower: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """Returns `rows` [batch, n, ...] at the places of the largest entries of `lower`."""
        lower = tf.stop_gradient(lower)
        rows += tf.zeros_like(rows[:, :1]) * tf.zeros_like(self.pool(lower))[:, None]
        count = tf.shape(rows)[1]
        wide = tf.repeat(lower, count, axis=0)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(wide)
            pooled = self.pool(wide)
        flat = tf.reshape(rows, tf.concat([[-1], tf.shape(rows)[2:]], axis=0))
        gradient = tape.gradient(pooled, wide, output_gradients=flat)
        shape = tf.concat([tf.shape(rows)[:2], tf.shape(lower)[1:]], axis=0)
        return tf.reshape(gradient, shape)


def dot(rows: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Returns the sums of products over all features, [batch, n].

    Args:
        rows: [batch or 1, n, ...].
        values: [batch or 1, ...].
    """
    flat = tf.reshape(rows, tf.concat([tf.shape(rows)[:2], [-1]], axis=0))
    return tf.linalg.matvec(flat, tf.reshape(values, [tf.shape(values)[0], -1]))


def as_tensor(weight: Any, dtype: tf.DType) -> tf.Tensor:
    """Returns a weight, a variable of Keras or a number as a tensor of this dtype."""
    if isinstance(weight, int | float):
        return tf.constant(weight, dtype)  # else it would be rounded to float32 first
    return tf.cast(tf.convert_to_tensor(weight), dtype)


def root(squares: tf.Tensor) -> tf.Tensor:
    """Returns the square root, with derivative 0 at 0."""
    positive = squares > 0
    one, nothing = tf.ones_like(squares), tf.zeros_like(squares)
    return tf.where(positive, tf.sqrt(tf.where(positive, squares, one)), nothing)


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

    return Elementwise(lambda x: tf.maximum(x, slope * x), lines, undecided=crossing, free=True)


def sigmoid_like(
    value: Callable[[tf.Tensor], tf.Tensor],
    slope: Callable[[tf.Tensor], tf.Tensor],
    bend: Callable[[tf.Tensor], tf.Tensor],
    tangent: Callable[[tf.Tensor], tf.Tensor],
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

    return Elementwise(value, lines)


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

    return sigmoid_like(value, slope, bend, tangent)


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

    return sigmoid_like(value, slope, bend, tangent)


def convex(
    value: Callable[[tf.Tensor], tf.Tensor], slope: Callable[[tf.Tensor], tf.Tensor]
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

    return Elementwise(value, lines)


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

    return Elementwise(value, interval=interval)
