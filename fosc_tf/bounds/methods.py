"""The bounds by their names: of logits, and of the margins by which the label leads.

lower, upper = crown_ibp(network, image, epsilon=0.1)
margins(network, image, label, epsilon=0.1, method="crown")      # [batch, classes]
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.attacks.batch_check import check_batch
from fosc_tf.attacks.compiled import compiled
from fosc_tf.attacks.limits import check_epsilon
from fosc_tf.bounds import layer_rules
from fosc_tf.bounds.inner_bounds import inner
from fosc_tf.bounds.interval_bounds import Interval, intervals
from fosc_tf.bounds.leads import by_class, elided, leads
from fosc_tf.bounds.linear_bounds import lower_bounds
from fosc_tf.bounds.program import Program, read
from fosc_tf.bounds.region import NORMS, Region
from fosc_tf.bounds.slopes import ascended
from fosc_tf.errors import UserError, unknown_name
from fosc_tf.number import number

METHODS = ("ibp", "crown-ibp", "linear", "crown", "alpha-crown")
"""From the cheapest on: intervals; linear bounds with intervals inside; with parallel lines
throughout; with adaptive lines throughout; the same with the last pass' slopes optimised."""
DTYPES = ("float32", "float64")


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
    network: Any,
    image: tf.Tensor,
    *,
    epsilon: float,
    norm: str = "linf",
    method: str = "crown",
    dtype: str = "float32",
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns bounds of the logits in a ball cut to [0, 1].

    Compiled once for a network, all batch sizes and radii; differentiable in the weights.

    Args:
        network: a functional or sequential Keras model of images to logits, in evaluation mode.
        image: [batch, height, width, channels] in [0, 1].
        epsilon: radius over pixels in [0, 1], one or [batch]; with linf also one a pixel, of the
            image's shape.
        norm: "linf", "l2" or "l1".
        method: one of `METHODS`.
        dtype: what is computed in, "float32" or "float64".

    Returns:
        lower and upper, [batch, classes] each.

    Raises:
        UserError: see `program.read`; an unknown method or norm, a radius that is none, images of
            another shape or out of [0, 1], bounds that are not finite.
    """
    asked = Asked(method, norm, dtype)
    return asked.of(network, asked.logits, image, epsilon=epsilon)


def margins(
    network: Any,
    image: tf.Tensor,
    label: tf.Tensor,
    *,
    epsilon: float,
    method: str = "crown",
    norm: str = "linf",
    dtype: str = "float32",
) -> tf.Tensor:
    """Returns lower bounds of z_y - z_j, [batch, classes], 0 at the label; elided.

    Elided: the difference is merged with what follows the last nonlinear step, so that nothing is
    lost between the two logits.

    Args:
        network: a functional or sequential Keras model of images to logits, in evaluation mode.
        image: [batch, height, width, channels] in [0, 1].
        label: [batch] int.
        epsilon: radius over pixels in [0, 1], one or [batch]; with linf also one a pixel, of the
            image's shape.
        method: one of `METHODS`.
        norm: "linf", "l2" or "l1".
        dtype: what is computed in, "float32" or "float64".

    Raises:
        UserError: as `logits`; a label that is no class.
    """
    asked = Asked(method, norm, dtype)
    return asked.of(network, asked.margins, image, label, epsilon=epsilon)


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is asked of a network: by which method, in which norm, in which dtype.

    Attributes:
        method: one of `METHODS`.
        norm: one of `region.NORMS`.
        dtype: one of `DTYPES`.
        cut: whether the ball is cut to [0, 1].
        rules: how many rules of layers there were.
    """

    method: str
    norm: str = "linf"
    dtype: str = "float32"
    cut: bool = True
    rules: int = dataclasses.field(default_factory=layer_rules.version)

    def __post_init__(self) -> None:
        """Raises `UserError` for a name that is unknown."""
        for kind, name, known in (
            ("method of bounds", self.method, METHODS),
            ("norm", self.norm, NORMS),
            ("dtype", self.dtype, DTYPES),
        ):
            if name not in known:
                raise unknown_name(kind, name, known)

    @property
    def style(self) -> str:
        """Of the lines."""
        return "parallel" if self.method == "linear" else "crown"

    def of(
        self, network: Any, function: Any, image: Any, label: Any = None, *, epsilon: Any
    ) -> Any:
        """Returns `function` of this object at what was given, checked before and after.

        Inside of a compiled function nothing is looked at but shapes.
        """
        given = [image] if label is None else [image, label]
        if tf.inside_function():
            return function(network, *given, tf.convert_to_tensor(epsilon))
        labels = np.zeros(len(image), np.int32) if label is None else label
        # A softmax is named by its layer.
        given = list(check_batch(network, (image, labels), probabilities=True)[: len(given)])
        shape = tuple(given[0].shape)
        if not np.ndim(epsilon) and number("epsilon", epsilon, "epsilon=8/255"):
            check_epsilon(epsilon, self.norm, shape[1:])  # 0 is the image alone
        _check_radii(epsilon, shape, self.norm)
        epsilon = tf.constant(np.asarray(epsilon, self.dtype))
        found = compiled(self, function, network, *given, epsilon)
        if not all(np.isfinite(each).all() for each in tf.nest.flatten(found)):
            raise self._not_finite(network, given[0], epsilon)
        return found

    def logits(self, network: Any, image: tf.Tensor, epsilon: tf.Tensor) -> Any:
        """Returns lower and upper of the logits; see the function `logits`."""
        program, region = read(network), self.region(image, epsilon)
        classes = program.shapes[program.result][0]
        if self.method == "ibp":
            return tuple(intervals(program, region)[program.result])
        ends = self.ends(program, region)
        rows = tf.eye(classes, dtype=self.dtype)[None]
        lower, negative = (self._least(program, region, ends, sign * rows) for sign in (1.0, -1.0))
        return lower, -negative

    def margins(
        self, network: Any, image: tf.Tensor, label: tf.Tensor, epsilon: tf.Tensor
    ) -> tf.Tensor:
        """Returns [batch, classes]; see the function `margins`."""
        program, region = read(network), self.region(image, epsilon)
        rows = leads(program, label, self.dtype)
        ends = self.ends(program, region)
        if self.method == "ibp":
            found = elided(program, region, ends, rows)
        else:
            found = self._least(program, region, ends, rows)
        return by_class(found, label)

    def region(self, image: tf.Tensor, epsilon: tf.Tensor) -> Region:
        """Returns the ball around the images."""
        return Region.around(image, epsilon, self.norm, dtype=self.dtype, cut=self.cut)

    def ends(self, program: Program, region: Region) -> dict[int, Interval]:
        """Returns between which ends each value stays, by its number."""
        if self.method in ("ibp", "crown-ibp"):
            return dict(enumerate(intervals(program, region)))
        return inner(program, region, self.style)

    def _least(
        self, program: Program, region: Region, ends: dict[int, Interval], rows: tf.Tensor
    ) -> tf.Tensor:
        if self.method == "alpha-crown":
            return ascended(program, region, ends, rows)
        return lower_bounds(program, region, ends, rows, program.result, style=self.style)

    def _not_finite(self, network: Any, image: tf.Tensor, epsilon: tf.Tensor) -> UserError:
        """Returns the error that names the first layer whose values are not finite."""
        program = read(network)
        ends = intervals(program, self.region(image, epsilon))
        names = [step.name for step in program.steps]
        bad = [
            name
            for name, each in zip(names, ends[1:], strict=True)
            if not np.isfinite(each.lower).all() or not np.isfinite(each.upper).all()
        ]
        place = f"from layer {bad[0]!r} on" if bad else f"in the pass of {self.method} alone"
        return UserError(
            "bounds must be finite, or they prove nothing",
            "a network of finite weights; a smaller epsilon",
            f"NaN or infinite bounds {place}",
        )


def _check_radii(epsilon: Any, shape: tuple[int, ...], norm: str) -> None:
    found = tuple(np.shape(epsilon))
    fits = found in ((), tuple(shape[:1])) or (found == tuple(shape) and norm == "linf")
    if not fits or np.any(np.asarray(epsilon) < 0):
        raise UserError(
            "epsilon must be a radius of at least 0: one, one an image, or with linf one a pixel",
            f"epsilon=0.1, or {list(shape[:1])} or {list(shape)} numbers",
            f"epsilon of shape {list(found)}, least {np.min(epsilon):.3g}, norm={norm!r}",
        )
