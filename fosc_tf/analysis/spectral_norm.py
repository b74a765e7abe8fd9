"""The spectral norm of a linear map that is known by what it does, not by its matrix.

spectral_norm(lambda x: tf.nn.conv2d(x, kernel, 1, "SAME"), (28, 28, 1))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from scipy.sparse.linalg import LinearOperator, eigsh

from fosc_tf.errors import UserError

FEW = 64
"""Up to so many rows or columns a matrix is written out."""


def spectral_norm(
    apply: Callable[[tf.Tensor], tf.Tensor],
    shape: Sequence[int],
    *,
    tolerance: float = 1e-5,
    seed: int = 0,
) -> float:
    """Returns the largest singular value.

    A matrix of few rows or columns is written out; of another Lanczos' method finds the largest
    eigenvalue of A^T A or A A^T, from below, to the relative tolerance.

    Args:
        apply: the map, [batch, *shape] float64 to [batch, ...], linear and differentiable.
        shape: of its input, without the batch axis.
        tolerance: relative, above 0.
        seed: of the vector that the iteration starts from.

    Raises:
        UserError: a map with a weight that is no number.
    """

    def transposed(rows: tf.Tensor) -> tf.Tensor:
        x = tf.zeros([tf.shape(rows)[0], *shape], tf.float64)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            y = apply(x)
        return tape.gradient(y, x, output_gradients=rows, unconnected_gradients="zero")

    to = tuple(apply(tf.zeros([1, *shape], tf.float64)).shape[1:])
    columns, rows = math.prod(shape), math.prod(to)
    if min(columns, rows) <= FEW:
        side, of = (apply, shape) if columns < rows else (transposed, to)
        unit = tf.reshape(tf.eye(math.prod(of), dtype=tf.float64), [-1, *of])
        matrix = tf.reshape(side(unit), [math.prod(of), -1]).numpy()
        return float(np.linalg.norm(finite(matrix), 2))

    short = shape if columns <= rows else to
    twice = tf.function(
        (lambda x: transposed(apply(x))) if columns <= rows else (lambda y: apply(transposed(y))),
        autograph=False,
    )

    def product(vector: np.ndarray) -> np.ndarray:
        found = twice(tf.reshape(tf.constant(vector, tf.float64), [1, *short]))
        return finite(found.numpy().ravel())

    start = np.random.default_rng(seed).normal(size=math.prod(short))
    first = product(start)
    square = first @ start / (start @ start)
    # Zero, or the identity times a number: there is nothing to iterate.
    if np.allclose(first, square * start, rtol=1e-12, atol=0.0):
        return math.sqrt(square)
    operator = LinearOperator((start.size, start.size), matvec=product, dtype=np.float64)
    (largest,) = eigsh(operator, 1, which="LA", v0=start, tol=tolerance, return_eigenvectors=False)
    return math.sqrt(largest)


def finite(values: np.ndarray) -> np.ndarray:
    """Returns `values`, or raises `UserError` where one of them is no number."""
    if not np.isfinite(values).all():
        raise UserError("a linear map has finite weights", "trained weights", "NaN or infinity")
    return values
