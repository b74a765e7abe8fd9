"""How a network's loss is curved in its weights: the Hessian's eigenvalues, trace and density.

spectrum = hessian_eigenvalues(network, image, label, k=20, epsilon=0.3)
spectrum.values, spectrum.vectors                          # [20], [20, weights]
mean, error = hessian_trace(network, image, label)
grid, density = hessian_density(network, image, label)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fosc_tf.analysis import eigenvectors
from fosc_tf.analysis.spectrum import Spectrum
from fosc_tf.analysis.weight_loss import BATCH_SIZE, WeightLoss
from fosc_tf.errors import UserError, unknown_name
from fosc_tf.number import inside, whole

METHODS = {"lanczos": eigenvectors.lanczos, "power": eigenvectors.power}
ENDS = ("largest", "smallest")
_LEAST_SMOOTHING = 1e-4


class Trace(NamedTuple):
    """A trace, its estimated `mean` and the mean's standard `error`, nats / weight^2."""

    mean: float
    error: float


def hessian_eigenvalues(
    network: Any,
    image: np.ndarray,
    label: np.ndarray,
    k: int = 20,
    epsilon: float = 0.0,
    *,
    which: str = "largest",
    method: str = "lanczos",
    tolerance: float = 1e-4,
    norm: str = "linf",
    num_steps: int = 10,
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
) -> Spectrum:
    """Returns the outermost eigenvalues of the Hessian of the (adversarial) loss, with vectors.

    The loss is the mean cross-entropy at perturbations that PGD finds once, at the present weights,
    and that do not move with the weights: without them every second derivative would also be one
    of the attack. The network is in evaluation mode and does not change. Memory: up to 2 k + 1
    vectors of float64.

    Source: Liu 2022 (thesis), section 4.2.3. Departures: Lanczos instead of power iteration, which
    "power" still is; eigenvalues by their sign, not by their magnitude.

    Args:
        network: maps images to logits; has `trainable_variables`.
        image: [n, height, width, channels] float32 in [0, 1].
        label: [n] int in 0..num_classes-1.
        k: eigenvalues, 1 to the number of weights.
        epsilon: radius of the ball, units of `norm` over pixels in [0, 1]; 0 for the clean loss.
        which: "largest", or "smallest" for those furthest below 0.
        method: one of `METHODS`.
        tolerance: residual norm to stop at, relative to the largest magnitude of all eigenvalues.
            In float32 products are known to about 1e-6 of it, so less than 1e-5 needs float64.
            "power" goes on after 1000 steps each; `Spectrum.residuals` tells what was reached.
        norm: of the ball.
        num_steps: of PGD, each epsilon / 4 long, from a random start.
        seed: of random starts and of the first vector.
        batch_size: images that the network sees together.

    Raises:
        UserError: images or labels that do not fit, a number or name out of its range, a network
            without trainable weights or with fewer than `k`, a Hessian that is not finite, a
            tolerance that is not reached.
    """
    k = whole("k", k, least=1)
    tolerance = inside("tolerance", tolerance, "tolerance=1e-4", below=1.0, ends="()")
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    if which not in ENDS:
        raise unknown_name("end of the spectrum", which, ENDS)
    loss = WeightLoss(
        network,
        image,
        label,
        epsilon=epsilon,
        norm=norm,
        num_steps=num_steps,
        seed=seed,
        batch_size=batch_size,
    )
    if k > loss.size:
        raise UserError(
            "a Hessian has as many eigenvalues as the network has trainable weights",
            f"k={loss.size} or less",
            f"k={k}",
        )
    loss.attack()
    sign = 1.0 if which == "largest" else -1.0
    vectors = METHODS[method](
        lambda vector: sign * loss.product(vector), loss.size, k, tolerance, int(loss.seed)
    )
    products = np.stack([loss.product(vector) for vector in vectors])
    values = np.sum(vectors * products, axis=1)
    residuals = np.linalg.norm(products - values[:, None] * vectors, axis=1)
    order = np.argsort(-sign * values, kind="stable")
    return Spectrum(values[order], vectors[order], residuals[order], loss.count, method)


def hessian_trace(
    network: Any,
    image: np.ndarray,
    label: np.ndarray,
    *,
    draws: int = 100,
    epsilon: float = 0.0,
    norm: str = "linf",
    num_steps: int = 10,
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
) -> Trace:
    """Returns an estimate of the trace of the Hessian of `hessian_eigenvalues`.

    Source: Hutchinson 1989: the mean of v' H v over random vectors v of signs.

    Args:
        network: maps images to logits; has `trainable_variables`.
        image: [n, height, width, channels] float32 in [0, 1].
        label: [n] int in 0..num_classes-1.
        draws: random vectors, at least 2; each costs one product.
        epsilon: radius of the ball, units of `norm` over pixels in [0, 1]; 0 for the clean loss.
        norm: of the ball.
        num_steps: of PGD, each epsilon / 4 long, from a random start.
        seed: of random starts and vectors.
        batch_size: images that the network sees together.

    Raises:
        UserError: as `hessian_eigenvalues` does.
    """
    draws = whole("draws", draws, least=2)
    loss = WeightLoss(
        network,
        image,
        label,
        epsilon=epsilon,
        norm=norm,
        num_steps=num_steps,
        seed=seed,
        batch_size=batch_size,
    )
    loss.attack()
    random = np.random.default_rng(int(loss.seed))
    found = []
    for _ in range(draws):
        signs = _signs(random, loss.size)
        found.append(signs @ loss.product(signs))
    return Trace(float(np.mean(found)), float(np.std(found, ddof=1) / np.sqrt(draws)))


def hessian_density(
    network: Any,
    image: np.ndarray,
    label: np.ndarray,
    *,
    draws: int = 10,
    steps: int = 80,
    smoothing: float = 0.01,
    epsilon: float = 0.0,
    norm: str = "linf",
    num_steps: int = 10,
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns how all eigenvalues of the Hessian of `hessian_eigenvalues` are spread.

    Source: stochastic Lanczos quadrature, Ghorbani et al. 2019, with random vectors of signs: the
    mean of the density is then the trace that `hessian_trace` estimates from as many draws of the
    same seed, over the number of weights.

    Args:
        network: maps images to logits; has `trainable_variables`.
        image: [n, height, width, channels] float32 in [0, 1].
        label: [n] int in 0..num_classes-1.
        draws: random vectors, at least 1.
        steps: of Lanczos, at least 1; each costs one product and keeps one vector of float64.
        smoothing: standard deviation of the Gaussian around each eigenvalue, as a share of the
            range of them all, from 0.0001 to 1.
        epsilon: radius of the ball, units of `norm` over pixels in [0, 1]; 0 for the clean loss.
        norm: of the ball.
        num_steps: of PGD, each epsilon / 4 long, from a random start.
        seed: of random starts and vectors.
        batch_size: images that the network sees together.

    Returns:
        The grid [points] of eigenvalues, nats / weight^2, and the density there [points], which
        integrates to 1.

    Raises:
        UserError: as `hessian_eigenvalues` does.
    """
    draws, steps = whole("draws", draws, least=1), whole("steps", steps, least=1)
    smoothing = inside(
        "smoothing", smoothing, "smoothing=0.01", least=_LEAST_SMOOTHING, below=1.0, ends="[]"
    )
    loss = WeightLoss(
        network,
        image,
        label,
        epsilon=epsilon,
        norm=norm,
        num_steps=num_steps,
        seed=seed,
        batch_size=batch_size,
    )
    loss.attack()
    random = np.random.default_rng(int(loss.seed))
    found = [
        eigenvectors.quadrature(
            *eigenvectors.tridiagonal(loss.product, _signs(random, loss.size), steps)
        )
        for _ in range(draws)
    ]
    nodes, weights = (np.concatenate(each) for each in zip(*found, strict=True))
    width = smoothing * (np.ptp(nodes) or np.abs(nodes).max() or 1.0)
    low, high = nodes.min() - 6 * width, nodes.max() + 6 * width
    grid = np.linspace(low, high, int(np.ceil(4 * (high - low) / width)) + 1)
    density = np.zeros_like(grid)
    for node, weight in zip(nodes, weights / draws, strict=True):
        density += weight * np.exp(-0.5 * ((grid - node) / width) ** 2)
    return grid, density / (width * np.sqrt(2 * np.pi))


def _signs(random: np.random.Generator, size: int) -> np.ndarray:
    return random.choice([-1.0, 1.0], size)
