"""Certified radii: the distance to a linear bound as SciPy finds it, and no attack inside."""

import keras
import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from fosc_tf import attacks, bounds
from fosc_tf.bounds.envelope import LINEAR, distance
from tests.bounds.networks import SHAPE, made
from tests.data.three_parts import refused

L = keras.layers
IMAGE = np.random.default_rng(3).uniform(size=(3, *SHAPE)).astype("float32")


def problems(count, pixels=6):
    """Returns slopes, values and limits, also of problems that no move solves."""
    random = np.random.default_rng(0)
    slope = random.normal(size=(count, 1, pixels)) * random.integers(0, 2, (count, 1, pixels))
    here = random.uniform(size=(count, 1, pixels))
    value = random.uniform(0.0, 2.0, size=(count, 1))
    return slope, value, -here, 1.0 - here


def solved(slope, value, least, most, norm):
    """Returns the distance of one problem, or infinity."""
    n = len(slope)
    if norm == "l2":
        start = np.where(slope > 0, least, most)
        if slope @ start + value > 1e-9:
            return np.inf
        found = scipy.optimize.minimize(
            lambda d: d @ d,
            start,
            jac=lambda d: 2 * d,
            bounds=list(zip(least, most, strict=True)),
            constraints={
                "type": "ineq",
                "fun": lambda d: -(slope @ d) - value,
                "jac": lambda d: -slope,
            },
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        return np.sqrt(found.fun)
    # Of variables d and t: |d_j| <= t, one t for all in linf, one each in l1.
    many = 1 if norm == "linf" else n
    of = np.ones([n, 1]) if norm == "linf" else np.eye(n)
    above = np.concatenate([np.eye(n), -of], axis=1)
    below = np.concatenate([-np.eye(n), -of], axis=1)
    crossed = np.concatenate([slope, np.zeros(many)])[None]
    found = scipy.optimize.linprog(
        np.concatenate([np.zeros(n), np.ones(many)]),
        np.concatenate([above, below, crossed]),
        np.concatenate([np.zeros(2 * n), [-value]]),
        bounds=[*zip(least, most, strict=True), *[(0, None)] * many],
    )
    return found.fun if found.success else np.inf


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_the_distance_is_that_of_a_solver(norm):
    given = problems(60)
    found = distance(*map(tf.constant, given), norm)[:, 0].numpy()
    expected = [solved(*(each[n, 0] for each in given), norm) for n in range(60)]
    assert np.isinf(expected).any()
    assert np.isfinite(expected).sum() > 20
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_the_distance_by_hand():
    """f = 1 - 4 d1 - d2 - d3 with d1 at most 0.1: linf 0.3, as 0.4 + 2 * 0.3 = 1."""
    slope, value = tf.constant([[[-4.0, -1.0, -1.0]]]), tf.constant([[1.0]])
    least, most = -tf.ones([1, 1, 3]), tf.constant([[[0.1, 1.0, 1.0]]])
    expected = {"linf": 0.3, "l2": np.sqrt(0.01 + 2 * 0.09), "l1": 0.7}
    for norm, length in expected.items():
        np.testing.assert_allclose(distance(slope, value, least, most, norm), [[length]], rtol=1e-6)
        assert float(distance(slope, -value, least, most, norm)[0, 0]) == 0.0
        away = distance(0.0 * slope, value, least, most, norm)
        assert np.isinf(away).all()


@pytest.mark.parametrize(("norm", "dual"), [("linf", 3.0), ("l2", np.sqrt(5.0)), ("l1", 2.0)])
def test_it_is_exact_for_a_linear_network(norm, dual):
    """z0 - z1 = 2 x1 - x2 + 0.1, at (0.5, 0.9) 0.2 away from 0 over the dual norm."""
    network = keras.Sequential([keras.Input((1, 2, 1)), L.Flatten(), L.Dense(2)])
    network.layers[1].set_weights([np.array([[2.0, 0.0], [-1.0, 0.0]]), np.array([0.1, 0.0])])
    image = np.array([0.5, 0.9], "float32").reshape(1, 1, 2, 1)
    for method in LINEAR:
        settings = {"norm": norm, "method": method}
        for epsilon, expected in ((0.3, 0.2 / dual), (0.01, 0.01)):
            found = bounds.certified_radius(network, image, [0], epsilon=epsilon, **settings)
            np.testing.assert_allclose(found, [expected], atol=1e-4)
        wrong = bounds.certified_radius(network, image, [1], epsilon=0.3, **settings)
        np.testing.assert_array_equal(wrong, [0.0])


@pytest.mark.parametrize(("norm", "epsilon"), [("linf", 0.1), ("l2", 0.6)])
def test_nobody_is_fooled_within(norm, epsilon):
    network = made("dense")
    label = np.argmax(network(IMAGE), axis=1)
    for method in LINEAR:
        radius = bounds.certified_radius(
            network, IMAGE, label, epsilon=epsilon, norm=norm, method=method
        )
        margins = bounds.margins(network, IMAGE, label, epsilon=epsilon, norm=norm, method=method)
        others = np.arange(margins.shape[1]) != label[:, None]
        whole = (margins.numpy() > 1e-3).all(axis=1, where=others)
        np.testing.assert_allclose(radius[whole], epsilon, rtol=1e-6)
        assert (radius > 0).any()
        assert (radius[~whole] < epsilon + 1e-6).all()
        for one, size in enumerate(radius):
            if size:
                rows = slice(one, one + 1)
                inside = attacks.PGD(
                    epsilon=float(size), step_size=float(size) / 4, num_steps=20, norm=norm
                )
                found = inside(network, IMAGE[rows], label[rows], seed=0).image
                assert np.argmax(network(found), axis=1) == label[rows]


def test_a_method_without_lines_is_refused():
    refused(
        lambda: bounds.certified_radius(made("dense"), IMAGE, [0, 0, 0], epsilon=0.1, method="ibp"),
        rule="method of envelopes",
        right="crown-ibp",
        received="ibp",
    )
