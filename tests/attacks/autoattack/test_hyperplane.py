import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.attacks.autoattack.hyperplane import shortest_move


def move(norm, image, normal, lack):
    found = shortest_move(norm, *(tf.constant([x], tf.float32) for x in (image, normal)), [lack])
    return found.numpy()[0]


def test_linf_away_from_limits_by_hand():
    # |d| = lack / ||normal||_1 = 0.6 / 6 everywhere.
    np.testing.assert_allclose(move("linf", [0.5] * 3, [1, -2, 3], 0.6), [0.1, -0.1, 0.1])
    np.testing.assert_allclose(move("linf", [0.5] * 3, [1, -2, 3], -0.6), [-0.1, 0.1, -0.1])


def test_l2_away_from_limits_by_hand():
    # d = lack * normal / ||normal||^2 = 0.5 / 25 * (3, 4).
    np.testing.assert_allclose(move("l2", [0.5, 0.5], [3, 4], 0.5), [0.06, 0.08], rtol=1e-6)


def test_linf_meets_a_limit_by_hand():
    # The first pixel stops after 0.1; the other two share 1 * 0.1 + 2t + t = 1.
    np.testing.assert_allclose(
        move("linf", [0.9, 0.5, 0.5], [1, 2, -1], 1.0), [0.1, 0.3, -0.3], rtol=1e-5
    )


def test_l2_meets_a_limit_by_hand():
    # Without limits d = (0.4, 0.2); the first pixel stops after 0.1, then 2 * 0.1 + d_2 = 1.
    np.testing.assert_allclose(move("l2", [0.9, 0.1], [2, 1], 1.0), [0.1, 0.8], rtol=1e-5)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_goes_as_far_as_the_box_allows(norm):
    np.testing.assert_allclose(move(norm, [0.9, 0.2], [1, -1], 9.0), [0.1, -0.2], rtol=1e-5)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_a_zero_normal_moves_nothing(norm):
    np.testing.assert_array_equal(move(norm, [0.9, 0.2], [0, 0], 1.0), [0.0, 0.0])
    np.testing.assert_array_equal(move(norm, [0.9, 0.2], [1, 1], 0.0), [0.0, 0.0])


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e15])
@pytest.mark.parametrize(("norm", "order"), [("linf", np.inf), ("l2", 2)])
def test_lands_on_the_plane_and_nothing_shorter_does(norm, order, scale):
    random = np.random.default_rng(0)
    image = random.uniform(0, 1, (50, 12)).astype(np.float32)
    image[:, :4] = np.round(image[:, :4])
    normal = random.normal(size=(50, 12)).astype(np.float32)
    inside = random.uniform(0, 1, (50, 12))
    lack = np.sum(normal * (inside - image), axis=1).astype(np.float32)
    found = shortest_move(norm, image, normal * np.float32(scale), lack * np.float32(scale)).numpy()
    np.testing.assert_allclose(np.sum(normal * found, axis=1), lack, atol=1e-4)
    assert np.all((image + found >= -1e-6) & (image + found <= 1 + 1e-6))
    # Optimality: with d's own length as radius, no point of ball and box gets beyond the plane.
    length = np.linalg.norm(found, ord=order, axis=1)
    for _ in range(200):
        direction = random.normal(size=(50, 12)) * np.sign(lack)[:, None] + 2 * found
        size = np.linalg.norm(direction, ord=order, axis=1)
        other = np.clip(image + direction * (length / size)[:, None], 0, 1) - image
        beyond = (np.sum(normal * other, axis=1) - lack) * np.sign(lack)
        assert np.all(beyond < 1e-4)
