"""Where climbs start."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.attacks import PGD, starts
from fosc_tf.attacks import ball as balls
from fosc_tf.types import Batch
from tests.attacks.toys import Linear, images
from tests.data.three_parts import refused


def begin(name, norm="linf", seed=(0, 0), batch=6, epsilon=0.2):
    image = tf.constant(images(batch))
    start = starts.get(name)
    seed = tf.constant(seed, tf.int64)
    batch = Batch(image, tf.zeros([batch], tf.int32), {})
    return image, start(batch, balls.get(norm), tf.constant(epsilon), seed, seed[1])


def test_clean_is_the_image():
    image, found = begin("clean")
    np.testing.assert_array_equal(found, image)


def test_uniform_linf_is_the_image_plus_noise_then_clipped():
    image, found = begin("uniform", seed=(7, 3))
    noise = tf.random.stateless_uniform([6, 16], [7, 3], -1.0, 1.0)
    right = np.clip(image + 0.2 * tf.reshape(noise, image.shape), 0, 1)
    np.testing.assert_allclose(found, right, atol=1e-6)


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_uniform_is_in_the_ball_and_in_pixel_range(norm):
    for seed in range(3):
        image, found = begin("uniform", norm, seed=(seed, 0), batch=64, epsilon=0.4)
        assert np.all((found >= 0) & (found <= 1))
        assert np.all(balls.get(norm).distance(found, image) <= 0.4 * (1 + 1e-5))
        assert np.any(found == 0)  # clipping was needed somewhere


def test_seed_and_step_decide_the_noise():
    _, first = begin("uniform", seed=(1, 2))
    _, again = begin("uniform", seed=(1, 2))
    np.testing.assert_array_equal(first, again)
    for seed in ((1, 3), (2, 2), (2, 1)):
        _, other = begin("uniform", seed=seed)
        assert np.all(np.any(first != other, axis=(1, 2, 3)))


def test_examples_differ():
    image, found = begin("uniform")
    noise = (found - image).numpy().reshape(6, -1)
    assert np.linalg.matrix_rank(noise) == 6


def test_a_start_of_ones_own():
    def upper_corner(batch, ball, epsilon, seed, step):
        del ball, seed, step
        return tf.minimum(batch.image + epsilon, 1.0)

    assert starts.get(upper_corner) is upper_corner
    image = images(2)
    attack = PGD(epsilon=0.1, step_size=0.1, num_steps=1, start=upper_corner, loss="margin")
    found = attack(Linear(np.ones(16)), image, np.zeros(2, "int32"))
    np.testing.assert_allclose(found.image, np.minimum(image + 0.1, 1), atol=1e-6)


def test_unknown_start():
    refused(
        lambda: starts.get("unifrom"),
        rule="attack start must be a known one",
        right="one of clean, normal, uniform (nearest: uniform)",
        received="attack start='unifrom'",
    )
