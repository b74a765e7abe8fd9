"""The gradient that every attack follows, of networks in whatever precision they compute."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.attacks import PGD
from fosc_tf.attacks.slope import _power_of_two, slope
from fosc_tf.terms import cross_entropy
from tests.attacks.toys import NUM_CLASSES, SHAPE, images, mlp


def confident(policy):
    """Returns a network whose logits differ by dozens, its layers in this precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        hidden = keras.layers.Dense(16, activation="relu")
        network = keras.Sequential(
            [keras.Input(SHAPE), keras.layers.Flatten(), hidden, keras.layers.Dense(NUM_CLASSES)]
        )
    finally:
        keras.config.set_dtype_policy(before)
    draw = np.random.default_rng(0)
    factors = (1.0, 0.1, 8.0, 0.1)
    network.set_weights(
        [draw.standard_normal(w.shape) * by for w, by in zip(network.weights, factors, strict=True)]
    )
    return network


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_confident_networks_have_their_gradient_in_every_precision(policy):
    """In float16 the smallest number is 6e-8: of examples that are surer, none was left."""
    full, low, image = confident("float32"), confident(policy), images(32)
    label = tf.argmax(full(image), axis=1, output_type=tf.int32)

    def found(network):
        return slope(network, tf.constant(image), lambda logits: cross_entropy(logits, label))

    expected, received = found(full), found(low)
    assert np.sum(expected.loss < 6e-8) > 2  # as is the gradient of the label's logit
    alike = np.sum(expected.gradient * received.gradient, axis=(1, 2, 3)) > 0
    assert np.mean(alike) > 0.9
    assert np.all(np.any(received.gradient != 0, axis=(1, 2, 3)))


def test_pgd_moves_where_float16_would_stand_still():
    network, image = confident("mixed_float16"), images(32)
    label = np.argmax(network(image), axis=1).astype(np.int32)
    attack = PGD(epsilon=0.1, step_size=0.02, num_steps=3, start="clean")
    found = attack(network, image, label, final_fosc=True)
    assert np.all(np.max(np.abs(found.image - image), axis=(1, 2, 3)) > 0)
    assert np.all(found.fosc.numpy() != 0)


def test_a_power_of_two_changes_no_digit():
    """In float32 the gradient is the plain one to the bit, and the powers are what they say."""
    network, image = mlp(gain=5.0), tf.constant(images(16))
    label = tf.zeros(16, tf.int32)
    with tf.GradientTape() as tape:
        tape.watch(image)
        loss = cross_entropy(network(image, training=False), label)
    received = slope(network, image, lambda logits: cross_entropy(logits, label))
    np.testing.assert_array_equal(received.gradient, tape.gradient(loss, image))
    np.testing.assert_array_equal(received.loss, loss)
    x = [1.0, 1.5, 3e-20, 5e20, 0.0, 1e-44, float("inf"), float("nan")]
    powers = _power_of_two(tf.constant(x)).numpy()
    np.testing.assert_array_equal(powers, [1, 1, 2.0**-65, 2.0**68, 1, 1, 1, 1])
