"""Boxes of a radius for each pixel: a closed form for a linear network, no smaller than even."""

import keras
import numpy as np

from fosc_tf import bounds
from tests.bounds.networks import SHAPE, made
from tests.data.three_parts import refused

L = keras.layers


def volume(epsilon):
    """Returns the geometric mean of the radii of each image."""
    return np.exp(np.log(epsilon).mean(axis=(1, 2, 3)))


def test_a_linear_network_has_a_closed_form():
    """eps_i = (margin - delta) / (M |w_i|), and an even box (margin - delta) / sum |w_i|."""
    weights, margin = np.array([3.0, -1.0, 0.5, 2.0]), 0.8
    network = keras.Sequential([keras.Input((2, 2, 1)), L.Flatten(), L.Dense(2)])
    image = np.full([1, 2, 2, 1], 0.5, "float32")
    bias = margin - 0.5 * weights.sum()
    network.layers[1].set_weights([np.stack([weights, np.zeros(4)], axis=1), np.array([bias, 0.0])])
    found = bounds.largest_region(network, image, [0])
    expected = (margin - 1e-4) / (4 * np.abs(weights))
    np.testing.assert_allclose(found.ravel(), expected, rtol=0.03)
    even = bounds.largest_region(network, image, [0], uniform=True)
    np.testing.assert_allclose(even, margin / np.abs(weights).sum(), rtol=1e-3)


def test_boxes_are_proved_and_no_smaller_than_even_ones():
    network = made("dense")
    image = np.random.default_rng(3).uniform(0.3, 0.7, size=(3, *SHAPE)).astype("float32")
    label = np.argmax(network(image), axis=1)
    label[2] = (label[2] + 1) % 4
    found, even = (
        bounds.largest_region(network, image, label, num_steps=60, uniform=uniform)
        for uniform in (False, True)
    )
    np.testing.assert_array_equal(found[2], np.zeros(SHAPE))
    assert (volume(found[:2]) > 1.02 * volume(even[:2])).all()
    assert np.ptp(even[0]) < 1e-6
    random = np.random.default_rng(0)
    for one in (0, 1):
        corners = image[one] + found[one] * random.choice([-1.0, 1.0], size=(500, *SHAPE))
        assert (np.argmax(network(corners.astype("float32")), axis=1) == label[one]).all()


def test_mistakes():
    image = np.full([1, *SHAPE], 0.5, "float32")
    refused(
        lambda: bounds.largest_region(made("dense"), image, [0], rate=0),
        rule="rate must be positive",
        right="",
        received="rate=0",
    )
