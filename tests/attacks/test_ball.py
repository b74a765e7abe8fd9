"""The geometry: distances, projections, steepest directions and uniform starts."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.attacks import ball as balls
from tests.attacks.toys import images
from tests.data.three_parts import refused

NORMS = ("linf", "l2", "l1")
ORDER = {"linf": np.inf, "l2": 2, "l1": 1}


def row(*values):
    return tf.constant([values], tf.float32)


@pytest.mark.parametrize(("norm", "distance"), [("linf", 0.4), ("l2", 0.5), ("l1", 0.7)])
def test_distance_by_hand(norm, distance):
    found = balls.get(norm).distance(row(0.9, 0.2), row(0.5, 0.5))
    np.testing.assert_allclose(found, [distance], rtol=1e-6)


@pytest.mark.parametrize(("norm", "highest"), [("linf", 0.7), ("l2", 0.5), ("l1", 0.4)])
def test_support_is_epsilon_times_the_dual_norm(norm, highest):
    found = balls.get(norm).support(row(3.0, -4.0), 0.1)
    np.testing.assert_allclose(found, [highest], rtol=1e-6)


@pytest.mark.parametrize(
    ("norm", "inside"),
    [
        ("linf", (0.8, 0.6)),
        # (0.4, 0.1) has length sqrt(0.17).
        ("l2", (0.5 + 0.3 * 0.4 / 0.17**0.5, 0.5 + 0.3 * 0.1 / 0.17**0.5)),
        # Both coordinates shrink by 0.1: 0.3 + 0.0 = epsilon.
        ("l1", (0.8, 0.5)),
    ],
)
def test_projection_by_hand(norm, inside):
    found = balls.get(norm).project(row(0.9, 0.6), row(0.5, 0.5), 0.3)
    np.testing.assert_allclose(found, [inside], rtol=1e-6)


@pytest.mark.parametrize("norm", NORMS)
def test_projection_leaves_inner_points_alone_and_clips_pixels(norm):
    ball = balls.get(norm)
    inner = row(0.51, 0.48)
    np.testing.assert_allclose(ball.project(inner, row(0.5, 0.5), 0.3), inner, rtol=1e-6)
    found = ball.project(row(1.1, -0.1), row(1.0, 0.0), 0.9)
    np.testing.assert_array_equal(found, [[1.0, 0.0]])


@pytest.mark.parametrize("norm", NORMS)
def test_projection_is_the_nearest_point_of_the_ball(norm):
    """The nearest point p of a convex set has <x - p, z - p> <= 0 for every z in it."""
    random = np.random.default_rng(0)
    ball, epsilon = balls.get(norm), 0.2
    clean = np.full((6, 5), 0.5, "float32")
    far = (clean + random.normal(0, 0.5, (6, 5))).astype("float32")
    nearest = ball.project(far, clean, epsilon).numpy()
    assert np.all(np.linalg.norm(nearest - clean, ORDER[norm], axis=1) < epsilon * (1 + 1e-5))
    corner = random.normal(0, 1, (500, 1, 5))
    corner *= epsilon / np.linalg.norm(corner, ORDER[norm], axis=2, keepdims=True)
    assert np.max(np.sum((far - nearest) * (clean + corner - nearest), axis=2)) < 1e-6


def test_steepest_by_hand():
    gradient = row(3.0, 0.0, -4.0)
    middle = row(0.5, 0.5, 0.5)
    np.testing.assert_array_equal(balls.get("linf").steepest(gradient, middle), [[1.0, 0.0, -1.0]])
    np.testing.assert_allclose(balls.get("l2").steepest(gradient, middle), [[0.6, 0.0, -0.8]])
    np.testing.assert_array_equal(balls.get("l1").steepest(gradient, middle), [[0.0, 0.0, -1.0]])


def test_l1_moves_a_share_of_the_features_that_can_still_move():
    gradient = np.linspace(1, 2, 200, dtype="float32")[None]
    image = np.full((1, 200), 0.5, "float32")
    image[0, -1] = 1.0  # the steepest feature is on its limit
    direction = balls.get("l1").steepest(gradient, image).numpy()[0]
    assert np.flatnonzero(direction).tolist() == [197, 198]  # 1% of 200
    np.testing.assert_array_equal(direction[197:199], [0.5, 0.5])


@pytest.mark.parametrize("norm", NORMS)
def test_no_gradient_is_no_direction(norm):
    direction = balls.get(norm).steepest(row(0.0, 0.0), row(0.5, 0.5))
    np.testing.assert_array_equal(direction, [[0.0, 0.0]])


@pytest.mark.parametrize("norm", NORMS)
def test_steepest_has_norm_one_whatever_the_gradients_scale(norm):
    gradient = np.random.default_rng(0).normal(size=(3, 150)).astype("float32")
    middle = np.full((3, 150), 0.5, "float32")
    ball = balls.get(norm)
    direction = ball.steepest(gradient, middle).numpy()
    np.testing.assert_allclose(np.linalg.norm(direction, ORDER[norm], axis=1), 1.0, rtol=1e-5)
    for scale in (1e-25, 1e15):
        scaled = ball.steepest(gradient * np.float32(scale), middle)
        np.testing.assert_allclose(scaled, direction, rtol=1e-5)


@pytest.mark.parametrize("norm", NORMS)
def test_uniform_points_lie_in_the_ball_and_fill_it(norm):
    """In d dimensions the mean distance of uniform points from the centre is d / (d + 1)."""
    epsilon, features = 0.3, 4
    seed = tf.constant([3, 5], tf.int64)
    points = balls.get(norm).uniform(tf.constant([20000, features]), seed, epsilon).numpy()
    length = np.linalg.norm(points, ORDER[norm], axis=1)
    assert length.max() <= epsilon * (1 + 1e-5)
    assert length.max() > 0.99 * epsilon
    np.testing.assert_allclose(length.mean() / epsilon, features / (features + 1), rtol=0.01)
    np.testing.assert_allclose(points.mean(axis=0), 0.0, atol=0.01 * epsilon)
    np.testing.assert_allclose(points.std(axis=0), points.std(), rtol=0.02)


def test_flat_keeps_the_batch():
    assert balls.flat(tf.constant(images(3))).shape == (3, 16)


def test_unknown_norm():
    refused(
        lambda: balls.get("linff"),
        rule="norm",
        right="one of l1, l2, linf (nearest: linf)",
        received="norm='linff'",
    )
