"""Bounds of logits and margins: nothing in the ball leaves them; numbers that a person can redo."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import bounds
from tests.bounds.networks import CLASSES, NETWORKS, SHAPE, made, points
from tests.data.three_parts import refused

L = keras.layers
IMAGE = np.random.default_rng(3).uniform(size=(3, *SHAPE)).astype("float32")
LABEL = np.array([0, 1, 2])
RADII = {"linf": 0.1, "l2": 0.5, "l1": 1.5}
SLACK = 1e-5


def found(network, epsilon, norm, methods=bounds.METHODS):
    """Returns what each method says of margins, and two of logits."""
    settings = {"epsilon": epsilon, "norm": norm}
    margins = {
        method: bounds.margins(network, IMAGE, LABEL, method=method, **settings)
        for method in methods
    }
    logits = {
        method: bounds.logits(network, IMAGE, method=method, **settings)
        for method in ("ibp", "crown-ibp")
        if method in methods
    }
    return margins, logits


CASES = [(name, "linf") for name in NETWORKS]
CASES += [("convolutions", "l2"), ("convolutions", "l1")]


@pytest.mark.parametrize(("name", "norm"), CASES)
def test_nothing_in_the_ball_leaves_them(name, norm):
    network = made(name)
    seen = points(IMAGE, RADII[norm], norm)
    logits = network(seen.reshape(-1, *SHAPE), training=False).numpy().reshape(len(seen), 3, -1)
    margins = logits[:, range(3), LABEL][..., None] - logits
    whole = (name, norm) in {("convolutions", "linf"), ("sigmoid", "linf"), ("convolutions", "l2")}
    methods = bounds.METHODS if whole else ("ibp", "crown")  # each compiles for seconds
    below, between = found(network, RADII[norm], norm, methods)
    for method, least in below.items():
        assert np.all(least <= margins.min(0) + SLACK), method
        assert np.all(least.numpy()[range(3), LABEL] == 0), method
        assert np.isfinite(least).all(), method
    for method, (lower, upper) in between.items():
        assert np.all(lower <= logits.min(0) + SLACK), method
        assert np.all(upper >= logits.max(0) - SLACK), method
        assert float(np.mean(upper - lower)) > 0
    # Optimised slopes begin where those of CROWN are, and keep the best.
    if whole:
        assert np.all(below["alpha-crown"] >= below["crown"] - SLACK)


@pytest.mark.parametrize("norm", RADII)
def test_nothing_leaves_them_by_the_ten_thousand(norm):
    network = made("convolutions")
    lower, upper = bounds.interval(network, IMAGE[:1], epsilon=RADII[norm], norm=norm)
    least = bounds.margins(network, IMAGE[:1], LABEL[:1], epsilon=RADII[norm], norm=norm)
    seen = points(IMAGE[:1], RADII[norm], norm, count=10_000)[:, 0]
    logits = network.predict(seen, batch_size=1000, verbose=0)
    assert np.all(lower <= logits.min(0) + SLACK)
    assert np.all(upper >= logits.max(0) - SLACK)
    assert np.all(least <= (logits[:, LABEL[:1]] - logits).min(0) + SLACK)


def test_compiled_they_are_the_same():
    network = made("convolutions")
    plain = bounds.margins(network, IMAGE, LABEL, epsilon=0.1)
    compiled = tf.function(lambda image: bounds.margins(network, image, LABEL, epsilon=0.1))
    np.testing.assert_allclose(compiled(tf.constant(IMAGE)), plain, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_without_a_radius_they_are_the_logits(name):
    network = made(name)
    logits = network(IMAGE, training=False).numpy()
    below, between = found(network, 0.0, "linf", ("ibp", "crown-ibp", "linear"))
    for lower, upper in between.values():
        np.testing.assert_allclose(lower, logits, atol=1e-4)
        np.testing.assert_allclose(upper, logits, atol=1e-4)
    expected = logits[range(3), LABEL][:, None] - logits
    for least in below.values():
        np.testing.assert_allclose(least, expected, atol=1e-4)


@pytest.mark.parametrize("name", ["convolutions", "residual"])
def test_in_double_they_are_the_same(name):
    for method in ("ibp", "crown"):
        single, double = (
            bounds.margins(made(name), IMAGE, LABEL, epsilon=0.1, method=method, dtype=dtype)
            for dtype in ("float32", "float64")
        )
        assert double.dtype == tf.float64
        away = np.abs(np.asarray(single) - np.asarray(double))
        np.testing.assert_array_less(away, np.broadcast_to(bounds.slack(single), away.shape))


@pytest.mark.parametrize("norm", RADII)
def test_a_larger_ball_has_wider_bounds(norm):
    """The lines of CROWN may turn with the radius, and promise nothing of the kind."""
    network = made("convolutions")
    small, large = (
        bounds.interval(network, IMAGE, epsilon=share * RADII[norm], norm=norm)
        for share in (0.5, 1.0)
    )
    assert np.all(large[0] <= small[0] + SLACK)
    assert np.all(large[1] >= small[1] - SLACK)


def two_layers():
    """Returns z = [relu(a) + relu(b), 0] with a = x1 + x2 - 1, b = x1 - x2."""
    network = keras.Sequential(
        [
            keras.Input((1, 2, 1)),
            L.Flatten(),
            L.Dense(2, activation="relu"),
            L.Dense(2),
        ]
    )
    network.layers[1].set_weights([np.array([[1.0, 1.0], [1.0, -1.0]]), np.array([-1.0, 0.0])])
    network.layers[2].set_weights([np.array([[1.0, 0.0], [1.0, 0.0]]), np.zeros(2)])
    return network


def test_by_hand():
    """At (0.5, 0.45) with epsilon 0.1: a in [-0.25, 0.15], b in [-0.15, 0.25].

    Intervals: the ReLUs in [0, 0.15] and [0, 0.25], their sum in [0, 0.4]. Above lie
    0.375 (a + 0.25) and 0.625 (b + 0.15), together x1 - 0.25 x2 - 0.1875, at most 0.325 at
    (0.6, 0.35). Below lie 0 and b with "crown", at least -0.15; parallel lines together
    x1 - 0.25 x2 - 0.375, at least -0.1125 at (0.4, 0.55). Slopes 0 leave 0, the most.
    """
    network, image = two_layers(), np.array([0.5, 0.45], "float32").reshape(1, 1, 2, 1)
    expected = {"ibp": (0.0, 0.4), "crown-ibp": (-0.15, 0.325), "crown": (-0.15, 0.325)}
    expected |= {"linear": (-0.1125, 0.325), "alpha-crown": (0.0, 0.325)}
    for method, (least, largest) in expected.items():
        lower, upper = bounds.logits(network, image, epsilon=0.1, method=method)
        np.testing.assert_allclose([lower[0, 0], upper[0, 0]], [least, largest], atol=1e-6)
        margin = bounds.margins(network, image, [1], epsilon=0.1, method=method)
        np.testing.assert_allclose(margin, [[-largest, 0.0]], atol=1e-6)


def test_margins_are_elided():
    """z0 and z1 share what they read: their difference is known better than both."""
    network = keras.Sequential([keras.Input((1, 2, 1)), L.Flatten(), L.Dense(2)])
    network.layers[1].set_weights([np.array([[2.0, 1.0], [2.0, 2.0]]), np.array([0.0, 0.25])])
    image = np.full([1, 1, 2, 1], 0.5, "float32")
    lower, upper = bounds.interval(network, image, epsilon=0.1)
    np.testing.assert_allclose(lower, [[1.6, 1.45]], atol=1e-6)
    np.testing.assert_allclose(upper, [[2.4, 2.05]], atol=1e-6)
    for method in bounds.METHODS:
        margin = bounds.margins(network, image, [0], epsilon=0.1, method=method)
        np.testing.assert_allclose(margin, [[0.0, 0.5 - 0.25 - 0.1]], atol=1e-6)


@pytest.mark.parametrize(("norm", "dual"), [("l2", np.sqrt(5.0)), ("l1", 2.0), ("linf", 3.0)])
def test_a_linear_network_is_known_by_the_dual_norm(norm, dual):
    network = keras.Sequential([keras.Input((1, 2, 1)), L.Flatten(), L.Dense(2)])
    network.layers[1].set_weights([np.array([[2.0, 0.0], [-1.0, 0.0]]), np.zeros(2)])
    image = np.full([1, 1, 2, 1], 0.5, "float32")
    for method in ("ibp", "crown"):
        lower, upper = bounds.logits(network, image, epsilon=0.1, norm=norm, method=method)
        ends = [0.5 - 0.1 * dual, 0.5 + 0.1 * dual]
        np.testing.assert_allclose([lower[0, 0], upper[0, 0]], ends, rtol=1e-6)


def test_they_are_differentiable_in_the_weights():
    network = made("dense")
    for method in ("ibp", "crown-ibp", "crown"):
        with tf.GradientTape() as tape:
            margin = bounds.margins(network, IMAGE, LABEL, epsilon=0.05, method=method)
            loss = -tf.reduce_mean(margin)
        gradients = tape.gradient(loss, network.trainable_variables)
        for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
            assert np.isfinite(gradient).all(), (method, variable.path)
        assert any(np.any(gradient != 0) for gradient in gradients)


def test_numbers_that_are_none_prove_nothing():
    network = two_layers()
    network.layers[2].set_weights([np.array([[np.inf, 0.0], [1.0, 0.0]]), np.zeros(2)])
    image = np.full([1, 1, 2, 1], 0.5, "float32")
    refused(
        lambda: bounds.interval(network, image, epsilon=0.1),
        rule="must be finite",
        right="finite weights",
        received=f"from layer {network.layers[2].name!r} on",
    )


def test_radii_of_ones_own():
    network = made("dense")
    radii = np.array([0.0, 0.05, 0.1])
    together = bounds.margins(network, IMAGE, LABEL, epsilon=radii)
    for one, radius in enumerate(radii):
        alone = bounds.margins(network, IMAGE, LABEL, epsilon=radius)
        np.testing.assert_allclose(together[one], alone[one], atol=1e-5)
    pixels = np.full(IMAGE.shape, 0.1, "float32")
    each = bounds.margins(network, IMAGE, LABEL, epsilon=pixels)
    np.testing.assert_allclose(each, bounds.margins(network, IMAGE, LABEL, epsilon=0.1), atol=1e-5)


class Own(keras.layers.Layer):
    def call(self, x):
        return 2.0 * x


def test_a_layer_of_ones_own_needs_a_rule():
    layers = [keras.Input((1, 2, 1)), Own(name="mine"), L.Flatten(), L.Dense(2)]
    network = keras.Sequential(layers)
    image = np.full([1, 1, 2, 1], 0.25, "float32")
    refused(
        lambda: bounds.interval(network, image, epsilon=0.1),
        rule="bounds must know what each layer does",
        right="@fosc_tf.bounds.register",
        received="layer 'mine'",
    )

    @bounds.register(Own)
    def doubled(layer, shapes):
        del layer, shapes
        return [bounds.Affine(lambda weigh, x: weigh(2.0) * x, mixes=False)]

    lower, upper = bounds.crown(network, image, epsilon=0.05)
    there = points(image, 0.05, "linf")
    logits = network(there.reshape(-1, 1, 2, 1)).numpy()
    assert np.all(lower <= logits.min(0) + SLACK)
    assert np.all(upper >= logits.max(0) - SLACK)


def any_size():
    layers = [keras.Input((None, None, 2)), L.GlobalAveragePooling2D(), L.Dense(2)]
    return keras.Sequential(layers)


def softmax():
    return keras.Sequential([keras.Input(SHAPE), L.Flatten(), L.Dense(3, activation="softmax")])


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: bounds.crown(softmax(), IMAGE, epsilon=0.1), "which softmax hides"),
        (lambda: bounds.crown(made("dense"), IMAGE, epsilon=8.0), "epsilon must lie in (0, 1]"),
        (lambda: bounds.crown(made("dense"), IMAGE, epsilon=-0.1), "epsilon must"),
        (lambda: bounds.crown(made("dense"), IMAGE, epsilon="8/255"), "epsilon must be a number"),
        (lambda: bounds.crown(made("dense"), IMAGE, epsilon=0.1, norm="l7"), "norm must"),
        (lambda: bounds.crown(made("dense"), IMAGE, epsilon=[0.1, 0.2]), "a radius of at least 0"),
        (lambda: bounds.crown(made("dense"), 255 * IMAGE, epsilon=0.1), "image must"),
        (lambda: bounds.crown(made("dense"), IMAGE[:, 1:], epsilon=0.1), "images must have the"),
        (lambda: bounds.margins(made("dense"), IMAGE, [0, 1, 4], epsilon=0.1), "label must"),
        (lambda: bounds.logits(made("dense"), IMAGE, epsilon=0.1, method="lp"), "method of bounds"),
        (
            lambda: bounds.crown(any_size(), IMAGE, epsilon=0.1),
            "must know the size of the images",
        ),
        (
            lambda: bounds.crown(
                keras.Sequential([keras.Input(SHAPE), L.ReLU()]), IMAGE, epsilon=0.1
            ),
            "must return logits",
        ),
        (
            lambda: bounds.crown(
                keras.Sequential([keras.Input(SHAPE), L.Flatten(), L.Dense(2, activation="selu")]),
                IMAGE,
                epsilon=0.1,
            ),
            "must know this form of Dense",
        ),
    ],
)
def test_mistakes(call, rule):
    refused(call, rule=rule, right="", received="")


def test_all_classes_of_the_networks_are_there():
    for name in NETWORKS:
        assert made(name).output_shape == (None, CLASSES)
