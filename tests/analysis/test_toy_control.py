"""The toy problem of Amata (Ye et al. 2021, section 2.3, appendix E), whose best schedule is known.

Loss theta^2 / 2 - (x - theta)^2 / (theta^2 + 1), data x_0 = 0, K steps of plain ascent of length
alpha with K * alpha = tau, no sign and no clipping. The Hamiltonian is p * F - gamma * tau / alpha
with F = -d loss / d theta at the x that was reached. With the paper's numbers, what is misprinted:

* 23: k runs from 1 to K, not from 0 to K - 1.
* 27: the right-hand side has the sign of +d loss / d theta; the flow is its negative, as in 29.
* 28: alpha in [1, (1 + theta^2) / 2] is empty for |theta| < 1; above 32 stands [0, 1 + theta^2],
  where the Hamiltonian has its maximum elsewhere than at alpha* (steps twice as long cost half and
  may overshoot to a larger gradient). Alpha in (0, (1 + theta^2) / 2] gives 33 to 35. The
  stability above 26 is meant for the absolute value and gives alpha <= 1 + theta^2; up to half of
  that the powers of equation 24 are defined for every tau / alpha.
* 31: the derivative of p is missing its dot, and is by theta, not x.

That set moves with theta, which the plain maximum principle does not allow for; here as there the
maximum is taken at each theta by itself. Equations 12, 24, 33, 34 and 35 are right.
"""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import minimize_scalar

GAMMA = 0.04
THETA_0 = (0.5, 1.0, -2.0)


def loss(theta, x):
    return theta**2 / 2 - (x - theta) ** 2 / (theta**2 + 1)


def climbed(theta, alpha, steps):
    """Returns x after so many steps, equation 23 step by step."""
    x = 0.0
    for _ in range(steps):
        x += alpha * -2 * (x - theta) / (theta**2 + 1)
    return x


def reached(theta, alpha, tau):
    """Returns x after tau / alpha steps, equation 24, alpha in (0, (1 + theta^2) / 2]."""
    return theta - theta * (1 - 2 * alpha / (theta**2 + 1)) ** (tau / alpha)


def flow(theta, x, h=1e-5):
    """Returns -d loss / d theta at fixed x by central differences."""
    return -(loss(theta + h, x) - loss(theta - h, x)) / (2 * h)


def hamiltonian(theta, p, alpha, tau):
    remains = (1 - 2 * alpha / (theta**2 + 1)) ** (tau / alpha)
    first = 2 * theta * remains / (theta**2 + 1)
    second = 2 * theta**3 * remains**2 / (theta**2 + 1) ** 2
    return p * (first - second - theta) - GAMMA * tau / alpha


def best_alpha(theta):
    return (1 + theta**2) / 2


def best_steps(t, theta_0, tau):
    return 2 * tau / (theta_0**2 * np.exp(-2 * t) + 1)


def distance(theta_0, tau, alpha_of):
    """Returns C of equation 13 on [0, 1]: state and co-state by solve_ivp, the maximum over alpha
    by a grid and by scipy."""
    end = 1.0
    flowing = solve_ivp(
        lambda t, theta: flow(theta, reached(theta, alpha_of(t, theta), tau)),
        (0, end),
        [theta_0],
        rtol=1e-9,
        atol=1e-11,
        dense_output=True,
    )

    def co_state(t, p, h=1e-5):
        (theta,) = flowing.sol(t)
        alpha = alpha_of(t, theta)
        # Kept below where a power of a negative number would be asked.
        high, low = theta + h, theta - h
        alpha = min(alpha, best_alpha(high), best_alpha(low))
        rise = hamiltonian(high, p, alpha, tau) - hamiltonian(low, p, alpha, tau)
        return -rise / (2 * h)

    backward = solve_ivp(
        co_state, (end, 0), [-flowing.y[0, -1]], rtol=1e-9, atol=1e-11, dense_output=True
    )
    gaps = []
    for t in np.linspace(0, end, 21):
        (theta,), (p,) = flowing.sol(t), backward.sol(t)
        top = best_alpha(theta)
        highest = hamiltonian(theta, p, np.linspace(0.01 * top, top, 400), tau).max()
        found = minimize_scalar(
            lambda a, theta=theta, p=p: -hamiltonian(theta, p, a, tau),
            bounds=(0.01 * top, top),
            method="bounded",
            options={"xatol": 1e-9},
        )
        # Bounded search ends just within its bounds, and there the maximum is.
        assert -found.fun == pytest.approx(highest, rel=1e-4)
        highest = max(highest, -found.fun)
        gaps.append(highest - hamiltonian(theta, p, alpha_of(t, theta), tau))
    return np.mean(gaps)


@pytest.mark.parametrize("theta", [0.3, 1.0, -1.7])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_the_inner_loop_in_closed_form(theta, steps):
    for alpha in np.linspace(0.05, 1.0, 5) * best_alpha(theta):
        one = reached(theta, alpha, tau=steps * alpha)
        assert one == pytest.approx(climbed(theta, alpha, steps), rel=1e-12)


@pytest.mark.parametrize("theta", [0.3, 1.0, -1.7])
def test_the_hamiltonian_has_the_sign_of_the_flow_and_equation_27_the_other(theta):
    tau, alpha = 4.0, 0.4
    remains = (1 - 2 * alpha / (theta**2 + 1)) ** (tau / alpha)
    printed = theta - 2 * theta * remains / (theta**2 + 1)
    printed += 2 * theta**3 * remains**2 / (theta**2 + 1) ** 2
    right = flow(theta, reached(theta, alpha, tau))
    assert right == pytest.approx(-printed, rel=1e-8)
    without_cost = hamiltonian(theta, 1.0, alpha, tau) + GAMMA * tau / alpha
    assert without_cost == pytest.approx(right, rel=1e-8)


@pytest.mark.parametrize("theta", [0.1, 0.7, 1.5, -2.0])
@pytest.mark.parametrize("over", [1.01, 2.0, 10.0])
@pytest.mark.parametrize("size", [0.05, 1.0, 20.0])
def test_the_hamiltonian_grows_with_the_step_length(theta, over, size):
    p, tau = -np.sign(theta) * size, over * (1 + theta**2)
    alpha = np.linspace(0.005, 1.0, 500) * best_alpha(theta)
    assert np.all(np.diff(hamiltonian(theta, p, alpha, tau)) > 0)


def test_for_a_short_path_it_need_not():
    """Without tau > 1 + theta^2 the inner loop stops far from theta, where a longer step may lower
    the gradient."""
    theta, tau = 3.0, 0.5
    alpha = np.linspace(0.05, 1.0, 500) * best_alpha(theta)
    free = hamiltonian(theta, -1.0, alpha, tau) + GAMMA * tau / alpha
    assert np.any(np.diff(free) < 0)


@pytest.mark.parametrize("theta_0", THETA_0)
def test_the_best_schedule_makes_theta_fall_exponentially(theta_0):
    tau = 2 * (1 + theta_0**2)
    time = np.linspace(0, 2, 9)
    seen = solve_ivp(
        lambda _, theta: flow(theta, reached(theta, best_alpha(theta), tau)),
        (0, 2),
        [theta_0],
        t_eval=time,
        rtol=1e-9,
        atol=1e-11,
    ).y[0]
    np.testing.assert_allclose(seen, theta_0 * np.exp(-time), rtol=1e-6)
    steps = tau / best_alpha(seen)
    np.testing.assert_allclose(steps, best_steps(time, theta_0, tau), rtol=1e-6)
    assert np.all(np.diff(steps) > 0)


@pytest.mark.parametrize("theta_0", THETA_0)
def test_the_criterion_of_the_best_schedule_is_zero_and_of_others_not(theta_0):
    tau = 2 * (1 + theta_0**2)
    best = distance(theta_0, tau, lambda t, theta: best_alpha(theta))
    assert best == pytest.approx(0.0, abs=1e-9)
    fixed = distance(theta_0, tau, lambda t, theta: 0.5)  # stable at every theta
    half = distance(theta_0, tau, lambda t, theta: best_alpha(theta) / 2)
    assert fixed > 1e-3
    assert half > 1e-3


def test_the_printed_interval_up_to_twice_the_length_has_a_better_end():
    """At alpha = 1 + theta^2 an odd number of steps ends at 2 * theta: a larger gradient for half
    the price."""
    theta, p, steps = 0.5, -0.5, 3
    alpha = 1 + theta**2
    tau = steps * alpha
    assert tau > 1 + theta**2
    x = climbed(theta, alpha, steps)
    assert x == pytest.approx(2 * theta)
    beyond = p * flow(theta, x) - GAMMA * steps
    assert beyond > hamiltonian(theta, p, best_alpha(theta), tau)


def test_the_other_printed_interval_is_empty_near_the_optimum():
    assert best_alpha(0.9) < 1.0


@pytest.mark.parametrize("theta_0", THETA_0)
def test_the_expansion_is_right_to_first_order(theta_0):
    tau = 2 * (1 + theta_0**2)
    start = 2 * tau / (theta_0**2 + 1)
    slope = 4 * theta_0**2 * tau / (theta_0**2 + 1) ** 2
    time = np.array([1e-2, 5e-3, 2.5e-3])
    left = best_steps(time, theta_0, tau) - start - slope * time
    # What is left is of second order, of third for theta_0 = 1: half the time, a quarter or less.
    assert np.all(np.abs(left[1:] / left[:-1]) < 0.26)
