"""Bounds of Lipschitz constants: norms by the matrices themselves, and distances that were seen."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import norm as normal

from fosc_tf.analysis import lipschitz_bound, spectral_norm
from fosc_tf.bounds import Elementwise, register
from fosc_tf.bounds.layer_rules import of_activation
from tests.bounds.networks import NETWORKS, SHAPE, made
from tests.data.three_parts import refused

L = keras.layers


def matrix(function, shape):
    """Returns the matrix of an affine function, column by column."""
    count = int(np.prod(shape))
    unit = np.eye(count, dtype="float32").reshape(-1, *shape)
    columns = np.asarray(function(unit)) - np.asarray(function(np.zeros([1, *shape], "float32")))
    return columns.reshape(count, -1).T.astype("float64")


def largest(*matrices):
    return np.linalg.norm(np.linalg.multi_dot(matrices) if matrices[1:] else matrices[0], 2)


def shaken(network):
    random = np.random.default_rng(0)
    for weight in network.weights:
        weight.assign(weight + 0.3 * np.abs(random.normal(size=weight.shape)))
    return network


def test_dense_convolution_and_batch_norm_by_their_matrices():
    """The convolutions have 128 rows or more and go by Lanczos, what follows does not."""
    network = shaken(
        keras.Sequential(
            [
                keras.Input((8, 8, 2)),
                L.Conv2D(8, 3, strides=2, padding="same", name="conv"),
                L.BatchNormalization(name="norm"),
                L.ReLU(name="relu"),
                L.Conv2D(16, 2, name="wide"),
                L.AveragePooling2D(2, strides=1, name="pool"),
                L.Flatten(name="flat"),
                L.Dense(3, name="last", activation="tanh"),
                L.Dense(3, name="logits"),
            ]
        )
    )
    found = lipschitz_bound(network)
    shapes = {"conv": (8, 8, 2), "norm": (4, 4, 8), "wide": (4, 4, 8), "pool": (3, 3, 16)}
    shapes |= {"flat": (2, 2, 16), "logits": (3,)}
    own = {
        name: matrix(lambda x, name=name: network.get_layer(name)(x, training=False), shape)
        for name, shape in shapes.items()
    }
    own["last"] = np.asarray(network.get_layer("last").kernel, "float64").T
    assert found.layers == pytest.approx({name: largest(m) for name, m in own.items()}, rel=1e-4)
    blocks = {
        "conv + norm": largest(own["norm"], own["conv"]),
        "wide + pool + flat + last": largest(own["last"], own["pool"], own["wide"]),
    }
    assert found.blocks == pytest.approx(blocks, rel=1e-4)
    assert found.activations == {"relu": 1.0, "last": 1.0}
    assert found.bound == pytest.approx(
        np.prod([*blocks.values(), largest(own["logits"])]), rel=1e-4
    )
    assert found.bound < np.prod(list(found.layers.values()))
    assert lipschitz_bound(network) == found


def test_of_a_linear_network_the_bound_is_exact():
    network = shaken(
        keras.Sequential(
            [keras.Input((9, 9, 1)), L.Conv2D(3, 3), L.Flatten(), L.Dense(70), L.Dense(80)]
        )
    )
    exact = largest(matrix(lambda x: network(x, training=False), (9, 9, 1)))
    assert lipschitz_bound(network).bound == pytest.approx(exact, rel=1e-4)


def test_branches_add():
    image = keras.Input((4, 4, 1))
    doubled = L.Rescaling(2.0)(image)
    halved = L.Rescaling(-0.5)(image)
    x = L.Add(name="sum")([image, L.ReLU()(doubled), halved])
    x = L.Average(name="mean")([x, image])
    found = lipschitz_bound(keras.Model(image, L.GlobalMaxPooling2D()(x)))
    assert found.branches["sum"] == pytest.approx((1.0, 2.0, 0.5), rel=1e-4)
    assert found.branches["mean"] == pytest.approx((1.75, 0.5), rel=1e-4)
    assert found.bound == pytest.approx(2.25, rel=1e-4)


@pytest.mark.parametrize(
    ("size", "strides", "windows"), [(2, 2, 1), (3, 2, 4), (3, 3, 1), ((3, 2), (1, 1), 6)]
)
def test_windows_of_max_pooling_that_overlap_share_their_largest_entry(size, strides, windows):
    """One bright pixel in the middle moves as many maxima as there are windows around it."""
    pool = L.MaxPooling2D(size, strides)
    network = keras.Sequential([keras.Input((9, 9, 1)), pool, L.Flatten()])
    bound = lipschitz_bound(network).bound
    assert bound == pytest.approx(np.sqrt(windows))
    pixels = np.eye(81, dtype="float32").reshape(81, 9, 9, 1)
    moved = np.linalg.norm(network(pixels) - network(np.zeros([1, 9, 9, 1])), axis=1)
    assert moved.max() == pytest.approx(bound)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_no_two_images_move_farther_apart(name):
    network, random = made(name), np.random.default_rng(0)
    bound = lipschitz_bound(network).bound
    image = random.uniform(size=[64, *SHAPE])
    other = image + random.normal(size=image.shape) * 10.0 ** random.uniform(-2, 1, [64, 1, 1, 1])
    apart = [np.asarray(network(x.astype("float32"), training=False)) for x in (image, other)]
    moved = np.linalg.norm(apart[0] - apart[1], axis=1)
    ratio = moved / np.linalg.norm((image - other).reshape(64, -1), axis=1)
    assert 0.01 * bound < ratio.max() <= bound  # no empty promise either


@pytest.mark.parametrize(
    "name", ["relu", "sigmoid", "tanh", "softplus", "gelu", "leaky_relu", "elu", "relu6"]
)
def test_slopes_of_activations(name):
    (primitive,) = of_activation(None, keras.activations.get(name))
    x = tf.linspace(tf.constant(-8.0, tf.float64), 8.0, 20001)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = primitive.value(x)
    steepest = float(tf.reduce_max(tf.abs(tape.gradient(y, x))))
    assert steepest <= primitive.lipschitz * (1 + 1e-12)
    assert steepest == pytest.approx(primitive.lipschitz, rel=1e-3)
    if name == "gelu":
        top = normal.cdf(2**0.5) + 2**0.5 * normal.pdf(2**0.5)
        assert top == pytest.approx(primitive.lipschitz, abs=1e-4)


@pytest.mark.parametrize(
    ("factor", "expected"), [(0.0, 0.0), (-3.0, 3.0)], ids=["nothing", "a multiple"]
)
def test_maps_without_an_iteration(factor, expected):
    assert spectral_norm(lambda x: factor * x, (9, 9, 1)) == pytest.approx(expected)


@keras.saving.register_keras_serializable(package="tests")
class Wave(L.Layer):
    def call(self, x):
        return tf.sin(x)


def test_mistakes():
    register(Wave)(lambda layer, shapes: [Elementwise(tf.sin, interval=lambda a, b: (a, b))])
    network = keras.Sequential([keras.Input((4, 4, 1)), Wave(name="wave"), L.Flatten()])
    refused(
        lambda: lipschitz_bound(network),
        rule="that of each activation",
        right="lipschitz=1.0",
        received="'wave'",
    )
    network = keras.Sequential([keras.Input((4, 4, 1)), L.Conv2D(8, 2), L.Flatten()])
    network.layers[0].kernel.assign(np.full([2, 2, 1, 8], np.nan))
    refused(lambda: lipschitz_bound(network), rule="finite", right="trained", received="NaN")
    refused(
        lambda: lipschitz_bound(network, tolerance=0.5), rule="tolerance", right="", received="0.5"
    )
