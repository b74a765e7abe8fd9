"""FOSC against linear programs, a constrained optimiser and numbers done by hand.

max <z - x, g> over feasible z is a linear program for linf and l1; for l2 it is solved by SciPy's
SLSQP and, with more features, by bisection on the multiplier.
"""

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from fosc_tf.attacks import PGD, fosc
from tests.attacks.toys import Linear, images
from tests.data.three_parts import refused

NORMS = ("linf", "l2", "l1")
FEASIBLE = ("ball", "box")
EPSILON = {"linf": 0.3, "l2": 0.6, "l1": 0.8}


def case(seed, features=8, batch=4):
    """Draws a clean image with pixels on both limits, a point near it, and a gradient with a 0."""
    random = np.random.default_rng(seed)
    clean = np.clip(random.uniform(-0.3, 1.3, (batch, features)), 0, 1).astype("float32")
    image = np.clip(clean + random.uniform(-0.05, 0.05, clean.shape), 0, 1).astype("float32")
    gradient = random.normal(size=clean.shape).astype("float32")
    gradient[:, 0] = 0.0
    return image, clean, gradient


def limits(clean, feasible):
    """Returns how far each feature may go down and up, float64."""
    clean = clean.astype("float64")
    if feasible == "box":
        return -clean, 1 - clean
    return np.full_like(clean, -np.inf), np.full_like(clean, np.inf)


def by_linear_program(clean, gradient, epsilon, norm, feasible):
    """Returns max <d, g> for one example; d = up - down with up, down >= 0."""
    lowest, highest = limits(clean, feasible)
    if norm == "linf":
        lowest, highest = np.maximum(lowest, -epsilon), np.minimum(highest, epsilon)
    spent = {"A_ub": np.ones((1, 2 * len(clean))), "b_ub": [epsilon]} if norm == "l1" else {}
    bounds = [(0, top) for top in highest] + [(0, -bottom) for bottom in lowest]
    gradient = gradient.astype("float64")
    solution = scipy.optimize.linprog(
        np.concatenate([-gradient, gradient]), bounds=bounds, method="highs", **spent
    )
    assert solution.status == 0
    return -solution.fun


def by_bisection(clean, gradient, epsilon, feasible):
    """Returns max <d, g> in the l2 ball: d = clip(s g) with the largest s that stays inside."""
    lowest, highest = limits(clean, feasible)
    gradient = gradient.astype("float64")

    def offset(scale):
        return np.clip(scale * gradient, lowest, highest)

    low, high = 0.0, 1e9
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.linalg.norm(offset(middle)) < epsilon else (low, middle)
    return gradient @ offset(low)


def by_slsqp(clean, gradient, epsilon):
    """Returns max <d, g> in the l2 ball and the box."""
    lowest, highest = limits(clean, "box")
    solution = scipy.optimize.minimize(
        lambda d: -gradient.astype("float64") @ d,
        np.zeros(len(clean)),
        jac=lambda _: -gradient.astype("float64"),
        bounds=np.stack([lowest, highest], axis=1),
        constraints={
            "type": "ineq",
            "fun": lambda d: epsilon**2 - d @ d,
            "jac": lambda d: -2 * d,
        },
        method="SLSQP",
        options={"ftol": 1e-9, "maxiter": 500},
    )
    assert solution.success
    return -solution.fun


def expected(image, clean, gradient, epsilon, norm, feasible):
    """Returns the maximum of <z - x, g> per example, by an optimiser."""
    found = []
    for x, x0, g in zip(image, clean, gradient, strict=True):
        if norm == "l2":
            highest = by_bisection(x0, g, epsilon, feasible)
        else:
            highest = by_linear_program(x0, g, epsilon, norm, feasible)
        found.append(highest - (x.astype("float64") - x0) @ g.astype("float64"))
    return np.array(found)


@pytest.mark.parametrize("feasible", FEASIBLE)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("seed", range(4))
def test_equals_an_optimiser(norm, feasible, seed):
    # From much smaller than a pixel's room to larger than all of it.
    for epsilon in (0.01, 0.1, EPSILON[norm], 0.99 if norm == "linf" else 20.0):
        image, clean, gradient = case(seed)
        found = fosc(image, clean, gradient, epsilon=epsilon, norm=norm, feasible=feasible)
        right = expected(image, clean, gradient, epsilon, norm, feasible)
        np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_l2_box_equals_slsqp(seed):
    _, clean, gradient = case(seed, features=6)
    found = fosc(clean, clean, gradient, epsilon=0.6, norm="l2", feasible="box")
    right = [by_slsqp(x, g, 0.6) for x, g in zip(clean, gradient, strict=True)]
    np.testing.assert_allclose(found, right, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_l2_ball_is_the_closed_form(seed):
    image, clean, gradient = case(seed)
    found = fosc(image, clean, gradient, epsilon=0.6, norm="l2")
    length = np.sqrt(np.sum(gradient**2, axis=1))
    right = 0.6 * length - np.sum((image - clean) * gradient, axis=1)
    np.testing.assert_allclose(found, right, rtol=1e-5)


@pytest.mark.parametrize("feasible", FEASIBLE)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("scale", [1e-9, 1e-15, 1e6])
def test_scales_with_the_gradient_to_relative_accuracy(norm, feasible, scale):
    image, clean, gradient = case(7, features=20)
    gradient *= np.float32(scale)
    epsilon = EPSILON[norm]
    found = fosc(image, clean, gradient, epsilon=epsilon, norm=norm, feasible=feasible)
    right = expected(image, clean, gradient / np.float32(scale), epsilon, norm, feasible)
    np.testing.assert_allclose(found / np.float32(scale), right, rtol=2e-5)


@pytest.mark.parametrize("norm", NORMS)
def test_a_steep_feature_on_its_limit_hides_no_other(norm):
    """Pixel 0 cannot follow its large gradient; c is what pixel 1 alone can gain."""
    clean = np.array([[1.0, 0.5]], "float32")
    gradient = np.array([[1.0, 1e-8]], "float32")
    found = fosc(clean, clean, gradient, epsilon=0.25, norm=norm, feasible="box")
    np.testing.assert_allclose(found, [0.25e-8], rtol=1e-5)


@pytest.mark.parametrize("norm", NORMS)
def test_box_is_never_above_ball_nor_below_zero(norm):
    for seed in range(5):
        image, clean, gradient = case(seed, features=30, batch=16)
        # A tenth of a feasible offset in any norm is feasible.
        epsilon = max(EPSILON[norm], float(np.abs(image - clean).sum(axis=1).max()))
        ball, box = (
            fosc(image, clean, gradient, epsilon=epsilon, norm=norm, feasible=feasible).numpy()
            for feasible in FEASIBLE
        )
        assert np.all(box <= ball + 1e-5)
        assert np.all(box >= -1e-5)


@pytest.mark.parametrize("feasible", FEASIBLE)
@pytest.mark.parametrize("norm", NORMS)
def test_nothing_to_gain(norm, feasible):
    clean = images(3, (5,))
    still = fosc(clean, clean, np.zeros_like(clean), epsilon=0.3, norm=norm, feasible=feasible)
    np.testing.assert_array_equal(still, np.zeros(3))
    # Every pixel on the limit that its gradient points to.
    corner = np.float32([[1.0, 0.0, 1.0]])
    outward = np.float32([[2.0, -1.0, 0.5]])
    stuck = fosc(corner, corner, outward, epsilon=0.3, norm=norm, feasible="box")
    np.testing.assert_array_equal(stuck, [0.0])


def test_linear_loss_by_hand():
    """f(x) = w.x with ||w||_1 = 6: c = eps * 6 at the clean image, 0 after one full sign step."""
    weight = np.float32([1.0, -2.0, 3.0])
    clean = np.full((1, 3), 0.5, "float32")
    gradient = weight[None]
    np.testing.assert_allclose(fosc(clean, clean, gradient, epsilon=0.1), [0.6], rtol=1e-6)
    stepped = clean + 0.1 * np.sign(gradient)
    np.testing.assert_allclose(fosc(stepped, clean, gradient, epsilon=0.1), [0.0], atol=1e-6)
    # Half a step gains half of it; a step the wrong way doubles what is left.
    half = clean + 0.05 * np.sign(gradient)
    np.testing.assert_allclose(fosc(half, clean, gradient, epsilon=0.1), [0.3], rtol=1e-5)
    back = clean - 0.1 * np.sign(gradient)
    np.testing.assert_allclose(fosc(back, clean, gradient, epsilon=0.1), [1.2], rtol=1e-5)


def test_attacks_measure_from_the_clean_image_not_from_the_start():
    """After one step from a random start, c = eps * ||w||_1 - <x - x0, w> with x0 the clean one."""
    weight = np.linspace(0.5, 2.0, 16, dtype="float32")
    clean = np.full((8, 4, 4, 1), 0.5, "float32")
    attack = PGD(epsilon=0.3, step_size=0.02, num_steps=1, loss="margin")
    found = attack(Linear(weight), clean, np.zeros(8, "int32"), seed=4, final_fosc=True)
    moved = (found.image.numpy() - clean).reshape(8, 16)
    right = 0.3 * weight.sum() - moved @ weight
    assert np.ptp(right) > 0.1  # the random start matters
    np.testing.assert_allclose(found.fosc, right, rtol=1e-4)


def test_is_per_example_and_float32():
    image, clean, gradient = case(0)
    whole = fosc(image, clean, gradient, epsilon=0.3).numpy()
    alone = fosc(image[2:3], clean[2:3], gradient[2:3], epsilon=0.3).numpy()
    assert whole.shape == (4,)
    np.testing.assert_allclose(whole[2:3], alone, rtol=1e-6)
    half = fosc(*(tf.cast(x, tf.float16) for x in (image, clean, gradient)), epsilon=0.3)
    assert half.dtype == tf.float32
    deep = fosc(*(x.reshape(4, 2, 2, 2) for x in (image, clean, gradient)), epsilon=0.3)
    np.testing.assert_allclose(deep, whole, rtol=1e-6)


def test_unknown_words():
    image, clean, gradient = case(0)
    refused(
        lambda: fosc(image, clean, gradient, epsilon=0.3, norm="l3"),
        rule="norm must be a known one",
        right="l1, l2, linf",
        received="norm='l3'",
    )
    refused(
        lambda: fosc(image, clean, gradient, epsilon=0.3, feasible="boxes"),
        rule="feasible set must be a known one",
        right="nearest: box",
        received="feasible set='boxes'",
    )


@pytest.mark.parametrize("epsilon", [None, "0.3", float("nan"), True, [0.3]])
def test_an_epsilon_that_is_no_number(epsilon):
    refused(
        lambda: fosc(*case(0), epsilon=epsilon),
        rule="epsilon must be a number",
        right="epsilon=8/255",
        received=f"epsilon={epsilon!r}",
    )


def test_one_image_does_not_stand_for_a_batch():
    image, clean, gradient = case(0)
    for wrong, received in (
        ((image[:1], clean, gradient), "(1, 8), (4, 8), (4, 8)"),
        ((image, clean[:1], gradient), "(4, 8), (1, 8), (4, 8)"),
        ((image, clean, gradient.reshape(4, 2, 4)), "(4, 8), (4, 8), (4, 2, 4)"),
    ):
        refused(
            lambda wrong=wrong: fosc(*wrong, epsilon=0.3),
            rule="image_adv, image and gradient must have one shape",
            right="three times",
            received=received,
        )
