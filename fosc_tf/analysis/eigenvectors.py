"""Eigenvectors of a symmetric matrix that is known by its products alone.

vectors = lanczos(product, size=1000, k=20, tolerance=1e-4, seed=0)      # [20, 1000]
vectors = power(product, size=1000, k=20, tolerance=1e-4, seed=0)        # the same, slowly
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import linalg

from fosc_tf.errors import UserError

Product = Callable[[np.ndarray], np.ndarray]
_GLANCE = 5  # steps that tell the matrix' size well enough to stop by
_ROUGHLY = 0.01  # of the smallest eigenvalue
_RESTARTS = 100
_MOST = 1000  # power iterations for one eigenvalue


def lanczos(product: Product, size: int, k: int, tolerance: float, seed: int) -> np.ndarray:
    """Returns orthonormal eigenvectors [k, size] of the largest eigenvalues, in any order.

    Source: ARPACK's implicitly restarted Lanczos, by `scipy.sparse.linalg.eigsh`. A matrix of few
    rows is written out instead. ARPACK's tolerance is relative to each eigenvalue, and those near 0
    drown in the rounding of float32; so the matrix is shifted by about its own norm, and residual
    norms end below `tolerance` times that norm.

    Args:
        product: the matrix times [size] float64.
        size: of the matrix.
        k: eigenvectors, 1..size.
        tolerance: see above.
        seed: of the start.

    Raises:
        UserError: the tolerance is not reached.
    """
    basis = max(2 * k + 1, 20)
    if size <= basis:
        matrix = np.stack([product(row) for row in np.eye(size)])
        return np.linalg.eigh((matrix + matrix.T) / 2)[1][:, -k:].T
    start = np.random.default_rng(seed).standard_normal(size)
    shift = _scale(product, start) or 1.0
    shifted = linalg.LinearOperator(
        (size, size), matvec=lambda vector: product(vector) + shift * vector, dtype=np.float64
    )
    try:
        _, found = linalg.eigsh(
            shifted, k, which="LA", v0=start, ncv=basis, tol=tolerance / 2, maxiter=_RESTARTS
        )
    except linalg.ArpackNoConvergence as error:
        raise UserError(
            "the eigenvalues must stand out from the rounding of the products",
            "fewer eigenvalues, a larger tolerance, or a network in float64",
            f"k={k}, tolerance={tolerance:g}, of which {len(error.eigenvalues)} were found",
        ) from error
    return found.T


def power(product: Product, size: int, k: int, tolerance: float, seed: int) -> np.ndarray:
    """Returns what `lanczos` does, one eigenvector after the other by power iteration.

    Source: Liu 2022 (thesis), section 4.2.3, after Yao et al. 2018: the iteration v <- H v / |H v|
    with the eigenvectors found so far taken out. Departures: it stops by the residual norm, not by
    how far the eigenvalue moved, or after 1000 steps; and the smallest eigenvalue, if below 0, is
    first lifted to 0 by a shift, so that the largest one has the largest magnitude.
    """
    random, found = np.random.default_rng(seed), np.zeros([0, size])
    start = random.standard_normal(size)
    scale = _scale(product, start)
    lowest = _iterated(product, found, start, -scale, _ROUGHLY * scale)
    shift = max(0.0, -float(lowest @ product(lowest)))
    for _ in range(k):
        start = random.standard_normal(size)
        vector = _iterated(product, found, start, shift, tolerance * scale)
        found = np.concatenate([found, vector[None]])
    return found


def _iterated(
    product: Product, found: np.ndarray, vector: np.ndarray, shift: float, within: float
) -> np.ndarray:
    """Returns one more eigenvector of the shifted matrix, of the largest magnitude that is left."""
    vector = _beside(found, vector)
    vector /= np.linalg.norm(vector)
    for _ in range(_MOST):
        ahead = _beside(found, product(vector))
        if np.linalg.norm(ahead - (vector @ ahead) * vector) <= within:
            break
        ahead = ahead + shift * vector
        vector = _beside(found, ahead / np.linalg.norm(ahead))
        vector /= np.linalg.norm(vector)
    return vector


def _scale(product: Product, start: np.ndarray) -> float:
    """Returns a magnitude of the outermost eigenvalue, too small by less than a factor of 2."""
    nodes, _ = quadrature(*tridiagonal(product, start, _GLANCE))
    return float(np.abs(nodes).max())


def tridiagonal(product: Product, start: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns diagonal [m] and off-diagonal [m - 1] of Lanczos' matrix, m <= steps.

    All basis vectors are kept orthogonal; m is less than `steps` where they span an invariant
    space.
    """
    vector, basis = start / np.linalg.norm(start), np.zeros([0, len(start)])
    diagonal, beside = [], []
    for _ in range(min(steps, len(start))):
        basis = np.concatenate([basis, vector[None]])
        ahead = product(vector)
        diagonal.append(float(vector @ ahead))
        ahead = _beside(basis, ahead)
        length = float(np.linalg.norm(ahead))
        if not length > 1e-12 * np.abs(diagonal).max():
            break
        beside.append(length)
        vector = ahead / length
    return np.array(diagonal), np.array(beside[: len(diagonal) - 1])


def quadrature(diagonal: np.ndarray, beside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns nodes and weights [m], the weights summing to 1, of Lanczos' matrix.

    Source: Golub and Welsch 1969. The weighted mean of f at the nodes is close to v' f(H) v, and
    equal for polynomials of a degree below 2 m.
    """
    matrix = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    nodes, vectors = np.linalg.eigh(matrix)
    return nodes, vectors[0] ** 2


def _beside(basis: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Returns the part of `vector` orthogonal to the rows of `basis`; twice is exact."""
    for _ in range(2):
        vector = vector - (basis @ vector) @ basis
    return vector
