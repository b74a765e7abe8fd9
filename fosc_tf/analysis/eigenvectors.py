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
_RESTARTS = 100
_MOST = 1000  # power iterations for one eigenvalue


def lanczos(product: Product, size: int, k: int, tolerance: float, seed: int) -> np.ndarray:
    """Returns orthonormal eigenvectors [k, size] of the largest eigenvalues, in any order.

    Source: ARPACK's implicitly restarted Lanczos, by `scipy.sparse.linalg.eigsh`. A matrix of few
    rows is written out instead. ARPACK's tolerance is relative to each eigenvalue, and those near 0
    drown in the rounding of float32; so the matrix is shifted by its own size, and the residual
    norms end below `tolerance` times that of the largest eigenvalue.

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
    nodes, _ = quadrature(*tridiagonal(product, start, _GLANCE))
    shift = float(np.abs(nodes).max()) or 1.0
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
    how far the eigenvalue moved, or after 1000 steps; and where an eigenvalue below 0 has the
    largest magnitude, the matrix is shifted to find the largest one above it.
    """
    random, found = np.random.default_rng(seed), np.zeros([0, size])
    shift = scale = 0.0
    while len(found) < k:
        vector = random.standard_normal(size)
        vector, value, scale = _climbed(product, found, vector, shift, tolerance, scale)
        if value + shift < -tolerance * scale:
            shift = -value
        else:
            found = np.concatenate([found, vector[None]])
    return found


def _climbed(
    product: Product,
    found: np.ndarray,
    vector: np.ndarray,
    shift: float,
    tolerance: float,
    scale: float,
) -> tuple[np.ndarray, float, float]:
    """Returns one more eigenvector, its eigenvalue, and the largest magnitude seen so far."""
    vector = _beside(found, vector)
    vector /= np.linalg.norm(vector)
    for _ in range(_MOST):
        ahead = _beside(found, product(vector))
        value = float(vector @ ahead)
        scale = max(scale, abs(value))
        if np.linalg.norm(ahead - value * vector) <= tolerance * scale:
            break
        ahead = ahead + shift * vector
        vector = _beside(found, ahead / np.linalg.norm(ahead))
        vector /= np.linalg.norm(vector)
    return vector, value, scale


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
