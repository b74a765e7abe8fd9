"""The max margin by other solvers; where adversarially trained logistic regression goes to."""

import numpy as np
import pytest
from scipy import optimize

from fosc_tf.analysis import GaussianMixture, descent_directions, interpolator, max_margin
from tests.data.three_parts import refused

SQUARE = np.array([[3.0, 1.0], [1.0, 3.0], [-2.0, -2.0], [5.0, 4.0]])
SIGNS = np.array([1, 1, -1, 1])


def points(seed=0, n=6, features=5):
    random = np.random.default_rng(seed)
    label = random.choice([-1, 1], n)
    x = random.normal(size=[n, features])
    x[:, 0] = label * (1 + np.abs(x[:, 0]))
    return x, label


def by_slsqp(x, label, epsilon):
    """Returns the shortest w with y * w.x - epsilon * |w| >= 1, equation 4.35."""

    def margin(w):
        return label * (x @ w) - epsilon * np.linalg.norm(w) - 1

    start = np.eye(1, x.shape[1])[0] * 50
    return optimize.minimize(
        lambda w: w @ w,
        start,
        jac=lambda w: 2 * w,
        constraints={"type": "ineq", "fun": margin},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    ).x


def test_by_hand():
    """(3, 1), (1, 3) and (2, 2) touch; the nearest point of their hull is (2, 2)."""
    np.testing.assert_allclose(max_margin(SQUARE, SIGNS), [0.25, 0.25])
    np.testing.assert_allclose(max_margin(1e-9 * SQUARE, SIGNS), [0.25e9, 0.25e9])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("epsilon", [0.0, 0.3])
def test_under_attack_it_points_the_same_way(seed, epsilon):
    """Lemma 4.2: w = w' / (1 + epsilon * |w'|)."""
    x, label = points(seed)
    w, attacked = max_margin(x, label), by_slsqp(x, label, epsilon)
    np.testing.assert_allclose(
        w, attacked / (1 + epsilon * np.linalg.norm(attacked)), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        attacked, w / (1 - epsilon * np.linalg.norm(w)), rtol=1e-4, atol=1e-5
    )


def test_in_many_dimensions_it_interpolates():
    """Lemma 4.4: every example is a support vector."""
    model = GaussianMixture(radii=(3.0,), probabilities=(1.0,), dimension=1000)
    training = model.draw(0, 15)
    assert model.is_wide(15)
    w = interpolator(training.examples, training.label)
    np.testing.assert_allclose(training.examples @ w, training.label)
    x = training.examples
    np.testing.assert_allclose(w, x.T @ np.linalg.solve(x @ x.T, training.label))
    np.testing.assert_allclose(max_margin(x, training.label), w, atol=1e-12)


@pytest.mark.parametrize("epsilon", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("start", [None, (0.1, 2.0, -1.0, 0.5, 0.0)], ids=["mean", "elsewhere"])
def test_adversarial_training_converges_to_the_max_margin(epsilon, start):
    """Theorem 4.4."""
    x, label = points()
    w = max_margin(x, label)
    assert epsilon < 1 / np.linalg.norm(w)  # separable under attack
    best = w / np.linalg.norm(w)
    arguments = {"epsilon": epsilon, "start": start}
    plain = descent_directions(x, label, steps=(10, 300, 3000), **arguments)
    away = np.linalg.norm(plain - best, axis=1)
    assert np.all(np.diff(away) < 0)  # slowly, as 1 / log(steps)
    quick = descent_directions(x, label, steps=(300, 3000), normalized=True, **arguments)
    away = np.linalg.norm(quick - best, axis=1)
    assert away[1] < 0.01
    assert away[1] < 0.2 * away[0]  # as 1 / steps


def test_the_step_is_that_of_the_loss():
    """One step against central differences of the loss."""
    x, label = points()
    start, epsilon = np.array([0.5, -0.2, 0.1, 0.3, 0.4]), 0.4

    def loss(w):
        return np.log1p(np.exp(-(label * (x @ w) - epsilon * np.linalg.norm(w)))).sum()

    slope = optimize.approx_fprime(start, loss, 1e-7)
    expected = start - slope / np.linalg.norm(x, 2) ** 2
    (found,) = descent_directions(x, label, epsilon=epsilon, steps=(1,), start=start)
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=1e-6)


@pytest.mark.parametrize(
    ("call", "rule", "received"),
    [
        (lambda: max_margin(SQUARE, np.ones(4)), "separates", "4 examples"),
        (lambda: max_margin(SQUARE, np.array([1, 0, 1, 1])), "labels -1 and 1", "[0, 1]"),
        (lambda: max_margin(SQUARE * np.nan, SIGNS), "finite examples", "[4, 2]"),
        (lambda: interpolator(SQUARE, SIGNS), "linearly independent", "rank 2"),
        (
            lambda: descent_directions(SQUARE, SIGNS, epsilon=0.1, steps=(10, 5)),
            "steps are ascending",
            "(10, 5)",
        ),
        (
            lambda: descent_directions(SQUARE, SIGNS, epsilon=0.1, steps=(5,), start=np.zeros(2)),
            "have a direction",
            "length 0",
        ),
        (lambda: descent_directions(SQUARE, SIGNS, epsilon=-1, steps=(5,)), "epsilon", "-1"),
    ],
)
def test_mistakes(call, rule, received):
    refused(call, rule=rule, right="", received=received)
