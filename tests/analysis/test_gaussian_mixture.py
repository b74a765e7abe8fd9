"""The Gaussian mixture of the thesis: what is in closed form, counted; where its gap grows."""

import numpy as np
import pytest
from scipy import stats

from fosc_tf.analysis import GaussianMixture
from tests.data.three_parts import refused

RADII, EPSILONS = (5.0, 7.0, 9.0), (0.0, 0.5, 0.75, 1.0)
"""The radii of the attack in Figure 4.19, l2, beside no attack."""
N, M = 15, 1000


def mixture(**arguments):
    usual = {"radii": RADII, "probabilities": (0.3, 0.4, 0.3), "dimension": M}
    return GaussianMixture(**usual | arguments)


@pytest.mark.parametrize("component", [0, 1, 2])
def test_the_closed_form_is_what_is_counted(component):
    """With the same training sets, then with others."""
    model = mixture()
    seen = model.simulate(component, N, EPSILONS, repeats=20, tests=2000, seed=1)
    exact = model.closed_form(component, N, EPSILONS, repeats=20, seed=1)
    apart = seen.each - exact.each
    error = apart.std(axis=0, ddof=1) / np.sqrt(20)
    assert np.all(np.abs(apart.mean(axis=0)) < 3 * error)
    assert np.all(error < 0.004)
    others = model.closed_form(component, N, EPSILONS, repeats=20, seed=2)
    together = np.hypot(seen.standard_error, others.standard_error)
    assert np.all(np.abs(seen.mean - others.mean) < 3 * together)
    assert np.all(np.diff(exact.mean) > 0)  # more with epsilon


@pytest.mark.parametrize("radius", [0.05, 1.0, 7.0])
def test_constants_and_alignment_are_those_of_the_weights(radius):
    """Equations 4.45 to 4.50 against w = X^T (X X^T)^-1 y itself, along an eta of any direction."""
    eta = np.random.default_rng(0).normal(size=60)
    model = mixture(
        radii=(radius,), probabilities=(1,), eta=eta / np.linalg.norm(eta), dimension=None
    )
    signs = set()
    for seed in range(6):
        training = model.draw(0, 8, seed)
        x, y = training.examples, training.label
        w = x.T @ np.linalg.inv(x @ x.T) @ y
        c = model.constants(training)
        g = c.alignment(radius)
        assert g == pytest.approx(w @ model.eta / np.linalg.norm(w), rel=1e-9)
        assert g**2 == pytest.approx(c.c1 - 1 / (c.c2 * radius**2 + c.c3(radius)), abs=1e-10)
        assert 0 < c.t < 1
        signs.add(np.sign(g))
    assert signs == ({-1, 1} if radius < 0.1 else {1})


def test_robust_error_by_hand():
    """Psi(0.5 * 2 - 0.5) and Psi(0.5 * 4 - 0.5), alike."""
    model = mixture(radii=(2.0, 4.0), probabilities=(0.5, 0.5), dimension=3)
    expected = (stats.norm.sf(0.5) + stats.norm.sf(1.5)) / 2
    np.testing.assert_allclose(model.robust_error(0.5, [0.5]), [expected])


def test_typical_constants_are_means():
    model = mixture(dimension=60)
    found = np.array([model.constants(model.draw(0, 6, (5, turn))) for turn in range(300)])
    error = found.std(axis=0, ddof=1) / np.sqrt(300)
    assert np.all(np.abs(found.mean(axis=0) - model.typical(6)) < 3 * error)
    # In many dimensions they are all one needs.
    wide = mixture()
    exact = wide.closed_form(1, N, EPSILONS)
    typical = wide.robust_error(wide.typical(N).alignment(RADII[1]), EPSILONS)
    np.testing.assert_allclose(typical, exact.mean, rtol=0.05)


def test_the_gap_between_hard_and_easy_grows_with_epsilon():
    found = mixture().gap(N, np.linspace(0.0, 1.5, 7))
    assert found.grows.all()
    assert found.gap[0] > 0
    assert np.all(np.diff(found.gap) > 0)
    half = mixture().gap(N, EPSILONS, easy=1).gap
    assert np.all(half < mixture().gap(N, EPSILONS).gap)


def test_far_beyond_the_corollary_it_falls_again():
    found = mixture().gap(N, [1.0, 4.0, 12.0])
    assert found.grows.tolist() == [True, False, False]
    assert found.gap[1] > found.gap[2]
    assert found.gap[2] < 1e-3


def test_which_sizes_the_theorem_is_about():
    """10 * 15 * log 15 + 14 = 420.2."""
    assert mixture(dimension=421).is_wide(15)
    assert not mixture(dimension=420).is_wide(15)


def test_a_seed_gives_the_same():
    one, other, third = (
        mixture(radii=(0.5, 1.0, 2.0)).simulate(0, 5, [0.5], repeats=3, tests=100, seed=seed)
        for seed in (3, 3, 4)
    )
    assert np.array_equal(one.each, other.each)
    assert not np.array_equal(one.each, third.each)


@pytest.mark.parametrize(
    ("wrong", "rule", "received"),
    [
        ({"radii": (2.0, 1.0, 3.0)}, "radii rise", "(2.0, 1.0, 3.0)"),
        ({"radii": (-1.0, 1.0, 3.0)}, "radius must lie", "-1.0"),
        ({"probabilities": (0.5, 0.5)}, "every component has a probability", "2 that sum to 1"),
        ({"probabilities": (0.5, 0.5, 0.5)}, "they sum to 1", "sum to 1.5"),
        ({"dimension": None}, "either a dimension or a direction", "neither"),
        ({"eta": np.ones(3)}, "either a dimension or a direction", "both"),
        ({"dimension": None, "eta": np.ones(4)}, "of length 1", "length 2"),
        ({"dimension": 0}, "whole number >= 1", "dimension=0"),
    ],
)
def test_mistakes(wrong, rule, received):
    refused(lambda: mixture(**wrong), rule=rule, right="", received=received)


@pytest.mark.parametrize(
    ("call", "rule", "received"),
    [
        (lambda m: m.closed_form(3, 5, [0.5]), "a component that there is", "component=3"),
        (lambda m: m.closed_form(0, 50, [0.5]), "fewer examples than dimensions", "50"),
        (lambda m: m.closed_form(0, 5, 0.5), "several radii", "0.5"),
        (lambda m: m.simulate(0, 5, [-0.5]), "epsilon must lie", "-0.5"),
        (lambda m: m.simulate(0, 5, [0.5], repeats=1), "whole number >= 2", "repeats=1"),
        (lambda m: m.simulate(0, 5, [0.5], tests=0), "whole number >= 1", "tests=0"),
        (lambda m: m.gap(5, [0.5], hard=1, easy=1), "larger radius", "hard=1 and easy=1"),
    ],
)
def test_mistakes_of_a_call(call, rule, received):
    refused(lambda: call(mixture(dimension=50)), rule=rule, right="", received=received)
