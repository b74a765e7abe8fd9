"""Densities: they integrate to 1, lie on the right side of 0, and equal SciPy's far from it."""

import numpy as np
import pytest
from scipy import stats

from fosc_tf.analysis import kernel_density
from fosc_tf.errors import UserError


@pytest.mark.parametrize("shape", ["exponential", "normal"])
def test_density_integrates_to_one(shape):
    rng = np.random.default_rng(0)
    values = rng.exponential(size=300) if shape == "exponential" else rng.normal(5, 1, size=300)
    grid, density = kernel_density(values)
    assert grid[0] == 0
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=2e-3)


def test_far_from_zero_it_is_scipys_own():
    values = np.random.default_rng(1).normal(10, 1, size=200)
    grid, density = kernel_density(values)
    np.testing.assert_allclose(density, stats.gaussian_kde(values)(grid), atol=1e-12)


def test_a_peak_at_zero_keeps_its_height():
    values = np.random.default_rng(2).exponential(size=5000)
    _, density = kernel_density(values, points=50)
    # Unreflected kernels would lose half of it.
    assert density[0] > 0.75


def test_values_that_are_not_finite_are_left_out():
    values = np.array([0.1, 0.2, np.nan, 0.4, np.inf])
    for one, other in zip(kernel_density(values), kernel_density(values[[0, 1, 3]]), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0, 2.0], [np.nan]])
def test_no_two_values_have_no_density(values):
    with pytest.raises(UserError, match="two different"):
        kernel_density(values)
