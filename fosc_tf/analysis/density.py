"""How values are spread: a Gaussian kernel density.

grid, density = kernel_density(fosc)      # fosc: [n]
grid, densities = on_one_grid([fosc, fosc_of_another_epoch])
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from fosc_tf.errors import UserError

_SHOWN = 0.9  # share of the values that one grid holds: a density's tail is long


def kernel_density(
    values: np.ndarray, *, points: int = 400, upper: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Returns a Gaussian kernel density of values that are never negative, such as FOSC and loss.

    Source: the densities of Wang et al. 2019, Figures 2, 3 and 5; SciPy's kernel and its Scott
    bandwidth. Departure: what the kernels would put below 0 is reflected to above it, so that a
    peak at 0, where converged examples are, keeps its height and no value below 0 is shown.

    Args:
        values: [n] float, at least two of them different; those that are not finite are left out.
        points: length of the grid.
        upper: end of the grid; None goes on until the density has ended, so that it integrates
            to 1.

    Returns:
        The grid [points] from 0 on, in the unit of the values, and the density there [points], in
        1 / unit.

    Raises:
        UserError: no two different finite values.
    """
    values = np.asarray(values, np.float64)
    values = np.maximum(values[np.isfinite(values)], 0.0)
    if values.size < 2 or np.ptp(values) == 0:
        raise UserError(
            "a density needs at least two different values",
            "the FOSC or loss of some examples",
            f"{values.size} finite values, all equal" if values.size else "no finite value",
        )
    kernel = stats.gaussian_kde(values)
    if upper is None:
        upper = values.max() + 5 * float(np.sqrt(kernel.covariance[0, 0]))
    grid = np.linspace(0.0, upper, points)
    return grid, kernel(grid) + kernel(-grid)


def on_one_grid(values: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns one grid [points] and the densities of `values` there, NaN where one has no value.

    Raises:
        UserError: values that are all equal.
    """
    upper = max((float(np.quantile(each, _SHOWN)) for each in values if each.size), default=1.0)
    grid = np.linspace(0.0, 1.1 * upper or 0.1, 400)
    density = np.full([len(values), len(grid)], np.nan)
    for row, each in zip(density, values, strict=True):
        if each.size:
            row[:] = kernel_density(each, upper=grid[-1])[1]
    return grid, density
