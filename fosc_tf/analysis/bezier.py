"""Bezier curves in the weights of a network, from one trained network to another.

curve = Curve.between(first, second, degree=2)      # straight, until its inner points are trained
curve.put(network, 0.5)                             # any network of the same architecture
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fosc_tf.analysis.weight_loss import trainable
from fosc_tf.errors import UserError
from fosc_tf.number import inside, whole

MOST_DEGREE = 63
"""Binomials of a higher one are beyond what float64 and 64-bit integers hold exactly."""


class Curve:
    """B(t) = sum over i of C(n, i) (1 - t)^(n - i) t^i theta_i, for t from 0 to 1.

    Only trainable weights lie on it. At t = 0 and t = 1 it is theta_0 and theta_n to the bit.

    Source: Liu 2022 (thesis), section 4.2.3, after Garipov et al. 2018.

    Args:
        points: theta_0 to theta_n, each an array for each trainable weight of a network, in order.

    Attributes:
        points: the same as variables; what is trained are those between the ends.
    """

    def __init__(self, points: Sequence[Sequence[np.ndarray]]) -> None:
        last = len(points) - 1
        self.points = [
            [
                # What Keras would call "auto" differs from process to process.
                keras.Variable(
                    each,
                    trainable=0 < place < last,
                    dtype=np.asarray(each).dtype.name,
                    name=f"point{place}_weight{number}",
                )
                for number, each in enumerate(point)
            ]
            for place, point in enumerate(points)
        ]

    @classmethod
    def between(cls, first: Any, second: Any, degree: int = 2) -> Curve:
        """Returns the straight line from `first` to `second` as a curve of this degree.

        Its inner points are theta_i = (1 - i / n) theta_0 + (i / n) theta_n, n being the degree.

        Args:
            first: network at t = 0.
            second: network at t = 1, of the same architecture.
            degree: n, 1 to 63; a curve of degree 1 has nothing to train.

        Raises:
            UserError: a degree out of its range, networks whose weights differ in number or shape,
                or that differ in weights that are not trained; networks without trainable weights.
        """
        degree = whole("degree", degree, least=1, below=MOST_DEGREE + 1)
        check_alike(first, second)
        ends = [[np.array(each) for each in trainable(network)] for network in (first, second)]
        inner = [
            [_mean(*pair, place / degree) for pair in zip(*ends, strict=True)]
            for place in range(1, degree)
        ]
        return cls([ends[0], *inner, ends[1]])

    @property
    def degree(self) -> int:
        """The number n of points but one."""
        return len(self.points) - 1

    @property
    def inner(self) -> list[list[keras.Variable]]:
        """The points between the ends."""
        return self.points[1:-1]

    def straight(self) -> Curve:
        """Returns the straight line between the same ends."""
        return Curve([[np.array(each) for each in self.points[end]] for end in (0, -1)])

    def coefficients(self, t: float | tf.Tensor) -> tf.Tensor:
        """Returns how much of each point is in B(t), [degree + 1] float64 with the sum 1."""
        t, n = _double(t), self.degree
        i = np.arange(n + 1, dtype=np.float64)
        choose = np.array([math.comb(n, each) for each in range(n + 1)], np.float64)
        return choose * tf.pow(1.0 - t, n - i) * tf.pow(t, i)  # 0^0 is 1

    def at(self, t: float | tf.Tensor) -> list[tf.Tensor]:
        """Returns B(t), a tensor for each weight, within a `tf.function` or outside."""
        shares, t = self.coefficients(t), _double(t)
        found = []
        for points in zip(*self.points, strict=True):
            points = [tf.convert_to_tensor(each) for each in points]
            mixed = tf.add_n(
                [tf.cast(shares[i], each.dtype) * each for i, each in enumerate(points)]
            )
            # A sum would lose the sign of -0, and anything beside what is infinite.
            found.append(tf.where(t == 0, points[0], tf.where(t == 1, points[-1], mixed)))
        return found

    def put(self, network: Any, t: float | tf.Tensor) -> None:
        """Gives the trainable weights of `network` the values B(t).

        Args:
            network: of the architecture of the ends.
            t: in [0, 1]; a tensor passes unseen.

        Raises:
            UserError: a number out of its range, a network of another architecture.
        """
        if not tf.is_tensor(t):
            t = inside("t", t, "t=0.5", below=1.0, ends="[]")
        weights = trainable(network)
        _check_shapes(weights, self.points[0], "the network", "the curve")
        for variable, values in zip(weights, self.at(t), strict=True):
            variable.assign(values)


def check_alike(first: Any, second: Any) -> None:
    """Raises `UserError` unless a curve can go from one network to the other."""
    pairs = (
        (trainable(first), trainable(second)),
        (first.non_trainable_weights, second.non_trainable_weights),
    )
    for one, other in pairs:
        _check_shapes(one, other, "the first", "the second")
    for one, other in zip(*pairs[1], strict=True):
        # The statistics of batch norms are estimated anew at each point.
        if "moving_" not in one.path and not np.array_equal(one, other):
            raise UserError(
                "the networks at the ends of a curve share what is not trained",
                "networks whose frozen weights are equal, or trainable",
                f"{one.path}, which is not trainable, with other values in the second network",
            )


def _check_shapes(one: Sequence[Any], other: Sequence[Any], *called: str) -> None:
    rule = "a curve joins networks of one architecture"
    right = "networks with weights of the same shapes in the same order"
    for pair in zip(one, other, strict=False):
        if pair[0].shape != pair[1].shape:
            told = (
                f"{list(each.shape)} in {name}" for each, name in zip(pair, called, strict=True)
            )
            raise UserError(rule, right, f"{pair[0].path}, {' and '.join(told)}")
    if len(one) != len(other):
        told = (
            f"{len(each)} weights in {name}"
            for each, name in zip((one, other), called, strict=True)
        )
        raise UserError(rule, right, " and ".join(told))


def _mean(first: np.ndarray, last: np.ndarray, share: float) -> np.ndarray:
    mixed = (1.0 - share) * first.astype(np.float64) + share * last.astype(np.float64)
    return mixed.astype(first.dtype)


def _double(t: float | tf.Tensor) -> tf.Tensor:
    # A number would be cast by way of float32.
    return tf.cast(t, tf.float64) if tf.is_tensor(t) else tf.constant(t, tf.float64)
