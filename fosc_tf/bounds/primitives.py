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
    """A function of one input that is no linear map.

    Attributes:
        lipschitz: how many times farther, in l2, two outputs are apart than their inputs at most;
            None where nobody says.
    """

    lipschitz: float | None = None

    def undecided(self, lower: tf.Tensor, upper: tf.Tensor) -> tf.Tensor:
        """Returns where the lines between two ends are no exact account of the function, bool."""
        del upper
        return tf.ones_like(lower, tf.bool)

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
        lipschitz: the largest magnitude of its slope; None where nobody says.
    """

    def __init__(
        self,
        value: Callable[[tf.Tensor], tf.Tensor],
        lines: Callable[[tf.Tensor, tf.Tensor, Style], Lines] | None = None,
        interval: Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]] | None = None,
        *,
        undecided: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
        free: bool = False,
        lipschitz: float | None = None,
    ) -> None:
        self.value, self._lines, self._interval = value, lines, interval
        self._undecided, self._free, self.lipschitz = undecided, free, lipschitz

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
        lipschitz: root of the number of groups that one entry is in; None where nobody says.
    """

    def __init__(
        self, pool: Callable[[tf.Tensor], tf.Tensor], *, lipschitz: float | None = None
    ) -> None:
        self.pool, self.lipschitz = pool, lipschitz

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
        batch = tf.shape(lower)[:1]
        rows = tf.broadcast_to(rows, tf.concat([batch, tf.shape(rows)[1:]], axis=0))
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
