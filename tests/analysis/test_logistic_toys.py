"""Linear classifiers under attack, by enumeration of the ball's corners and finite differences."""

import itertools

import numpy as np
import pytest
from scipy.optimize import approx_fprime, linprog

from fosc_tf.analysis import (
    binary_hessian,
    binary_loss,
    constant_radius,
    critical_epsilon,
    curvature_range,
    kink,
    multiclass_loss,
    separable_radius,
    witness,
)
from fosc_tf.analysis.logistic_toys import DUAL
from tests.data.three_parts import refused

FEATURES, CLASSES = 4, 3
CORNERS = np.array(list(itertools.product([-1.0, 1.0], repeat=FEATURES)))


def separable(seed=0, n=7):
    """Returns weights of l1 length 1 and examples that they tell apart by 0.5 and more."""
    random = np.random.default_rng(seed)
    w = random.normal(size=FEATURES)
    w /= np.abs(w).sum()
    label = random.choice([-1, 1], n)
    x = random.normal(size=[n, FEATURES])
    margin = label * (x @ w)
    x += (label * np.maximum(0.5 - margin, 0.0))[:, None] * np.sign(w)
    return w, x, label


def classes(seed=0, n=1):
    random = np.random.default_rng(seed)
    label = random.integers(0, CLASSES, n)
    return random.normal(size=[CLASSES, FEATURES]), random.normal(size=[n, FEATURES]), label


def worst(weights, x, label, epsilon):
    """Returns the loss under the best linf attack, [n]: of a convex function it is at a corner."""
    return np.max([multiclass_loss(weights, x + epsilon * move, label) for move in CORNERS], axis=0)


def test_the_binary_loss_is_the_worst_of_all_corners():
    w, x, label = separable()
    found = binary_loss(w, x, label, epsilon=0.3)
    moved = [np.log1p(np.exp(-label * ((x + 0.3 * move) @ w))) for move in CORNERS]
    assert found == pytest.approx(np.max(moved, axis=0).mean())


def test_the_hessian_is_that_of_the_loss():
    w, x, label = separable()

    def gradient(v):
        return approx_fprime(v, lambda u: binary_loss(u, x, label, epsilon=0.3), 1e-6)

    differences = np.array([(gradient(w + h) - gradient(w - h)) / 2e-3 for h in 1e-3 * np.eye(4)])
    np.testing.assert_allclose(
        binary_hessian(w, x, label, epsilon=0.3), differences, rtol=1e-3, atol=1e-3
    )


def test_one_example_by_hand():
    """At epsilon = w.x the bend is 1/4, its largest."""
    found = curvature_range([1.0], np.array([[2.0]]), np.array([1]), epsilons=(2.0, 2.5, 1.5))
    bent = np.exp(0.5) / (1 + np.exp(0.5)) ** 2
    np.testing.assert_allclose(found[:, 0], [1.0, 4 * bent, 4 * bent])


@pytest.mark.parametrize("seed", range(5))
def test_curvature_rises_with_epsilon_while_all_are_right(seed):
    """Theorem 4.1."""
    w, x, label = separable(seed)
    most = separable_radius(w, x, label)
    assert most >= 0.5 - 1e-9
    epsilons = np.linspace(0, most, 8)
    found = curvature_range(w, x, label, epsilons=epsilons)
    assert np.all(np.diff(found, axis=0) > 0)
    hessians = [binary_hessian(w, x, label, epsilon=each) for each in epsilons]
    for one, other in itertools.pairwise(hessians):
        assert np.linalg.eigvalsh(other - one).min() > 0  # in every direction
    far = curvature_range(w, x, label, epsilons=(20.0, 30.0))
    assert np.all(np.diff(far, axis=0) < 0)  # beyond, it falls again


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_from_the_critical_epsilon_on_a_constant_is_as_good(seed, norm):
    weights, x, label = classes(seed, n=4)
    move = witness(weights, x, label, norm=norm)
    order = {"linf": np.inf, "l2": 2, "l1": 1}[norm]
    np.testing.assert_allclose(np.linalg.norm(move, order, axis=1), 1.0)
    needed = critical_epsilon(weights, x, label, norm=norm)
    for factor in (1.0, 1.5, 10.0):
        raised = multiclass_loss(weights, x + factor * needed[:, None] * move, label)
        assert np.all(raised >= np.log(CLASSES) - 1e-12)
    # The witness reaches |v|_q towards class m, as far as any attack does.
    away = weights - weights[label][:, None]
    longest = np.linalg.norm(away, DUAL[norm], axis=2).max(axis=1)
    reached = np.einsum("nkf,nf->nk", away, move).max(axis=1)
    np.testing.assert_allclose(reached, longest)


def test_the_critical_epsilon_has_no_bound_over_all_weights():
    """Where the thesis has one number for all: of half the weights it is larger."""
    weights, x, label = classes()
    each = [critical_epsilon(weights * 0.5**k, x, label)[0] for k in (0, 5, 10)]
    assert each[2] > 10 * each[1] > 10 * each[0]
    assert critical_epsilon(0 * weights, x, label) == 0


def steepest(x, label, epsilon):
    """Returns the least slope of the attacked mean loss at weights 0 and the weights in [-1, 1]
    that it belongs to: mean of u.x + epsilon * |u|_1, u = mean of W - w_y, as a linear program."""
    n, size = len(x), CLASSES * FEATURES
    to_u = np.array(
        [np.kron(1 / CLASSES - np.eye(CLASSES)[y], np.eye(FEATURES)) for y in label]
    ).reshape(n * FEATURES, size)
    ones = np.eye(n * FEATURES)
    found = linprog(
        np.concatenate([x.ravel() @ to_u, np.full(n * FEATURES, epsilon)]) / n,
        A_ub=np.block([[to_u, -ones], [-to_u, -ones]]),
        b_ub=np.zeros(2 * n * FEATURES),
        bounds=[(-1, 1)] * size + [(0, None)] * n * FEATURES,
    )
    return found.fun, found.x[:size].reshape(CLASSES, FEATURES)


@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_the_radius_from_which_on_nothing_beats_a_constant(n):
    """Theorem 4.2, sharp: for one example it is the radius at which the ball holds 0."""
    _, x, label = classes(seed=3, n=n)
    radius = constant_radius(x, label, num_classes=CLASSES)
    if n == 1:
        assert radius == pytest.approx(np.abs(x).max())
    slope, weights = steepest(x, label, 0.99 * radius)
    assert slope < -1e-3
    assert worst(1e-3 * weights, x, label, 0.99 * radius).mean() < np.log(CLASSES)
    # A convex loss that rises in every direction has its minimum here.
    assert steepest(x, label, 1.0001 * radius)[0] == pytest.approx(0.0, abs=1e-12)
    random = np.random.default_rng(1)
    for scale in (0.01, 1.0):
        for weights in scale * random.normal(size=[10, CLASSES, FEATURES]):
            assert worst(weights, x, label, radius).mean() >= np.log(CLASSES) - 1e-12


def test_two_classes_of_one_size_by_hand():
    """Half of what the means are apart."""
    x, label = np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 2.0], [6.0, 4.0]]), np.array([0, 0, 1, 1])
    assert constant_radius(x, label, num_classes=2) == pytest.approx((5 - 1) / 2)


def test_the_kink_of_figure_4_2():
    arrays = kink()
    theta = arrays["theta"]
    middle, h = len(theta) // 2, theta[1] - theta[0]
    assert theta[middle] == pytest.approx(0.0, abs=1e-12)
    slopes = np.diff(arrays["loss"], axis=1) / h
    jump = slopes[:, middle] - slopes[:, middle - 1]
    np.testing.assert_allclose(jump, arrays["jump"], atol=0.02)
    np.testing.assert_allclose(arrays["jump"], [0.6, 1.2])
    np.testing.assert_allclose(arrays["loss"][:, middle], np.log(2))
    lowest = arrays["loss"].argmin(axis=1)
    assert lowest.tolist() == [0, middle]  # 1.2 > x = 1: the constant has won
    worst_of_two = np.logaddexp(0, np.maximum(0.4 * theta, 1.6 * theta))
    np.testing.assert_allclose(arrays["loss"][0], worst_of_two)


@pytest.mark.parametrize(
    ("call", "rule", "received"),
    [
        (lambda: binary_loss([1.0], [[1.0]], [0], epsilon=0.1), "labels -1 and 1", "[0]"),
        (lambda: binary_loss([1.0], [[1.0]], [1], epsilon=-1), "epsilon must lie", "-1"),
        (lambda: multiclass_loss(np.ones([3, 2]), np.ones([1, 2]), [3]), "labels from 0", "[3]"),
        (lambda: witness(*classes(), norm="l7"), "norm of the ball", "l7"),
        (lambda: constant_radius(np.ones([1, 2]), [0], num_classes=1), "whole number >= 2", "1"),
        (lambda: kink(points=2), "whole number >= 3", "points=2"),
        (lambda: kink(epsilons=(-1,)), "epsilon must lie", "-1"),
    ],
)
def test_mistakes(call, rule, received):
    refused(call, rule=rule, right="", received=received)
