"""Curvature beside the Hessian written out, closed forms, and other ways to the same numbers."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.analysis import (
    Spectrum,
    eigenvectors,
    hessian_density,
    hessian_eigenvalues,
    hessian_trace,
    loss_surface,
    random_directions,
    random_loss,
)
from fosc_tf.analysis.weight_loss import WeightLoss
from fosc_tf.attacks.compiled import _shelf
from tests.attacks import toys
from tests.data.three_parts import refused

EPSILON = 0.2
N = 12


@functools.cache
def smooth():
    """Returns a network of 83 weights in float64, one layer of which is frozen and not counted."""
    keras.utils.set_random_seed(1)
    network = keras.Sequential(
        [
            keras.Input(toys.SHAPE),
            keras.layers.Flatten(dtype="float64"),
            keras.layers.Dense(6, dtype="float64", trainable=False),
            keras.layers.Dense(8, activation="tanh", dtype="float64"),
            keras.layers.Dense(toys.NUM_CLASSES, dtype="float64"),
        ]
    )
    for layer in network.layers[1:]:
        layer.set_weights([2.0 * each + 0.05 for each in layer.get_weights()])
    return network


@functools.cache
def normalised():
    """Returns a float64 network whose batch norm has statistics of its own."""
    keras.utils.set_random_seed(2)
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input(toys.SHAPE),
            layers.Conv2D(3, 3, dtype="float64"),
            layers.BatchNormalization(dtype="float64"),
            layers.Activation("tanh", dtype="float64"),
            layers.Flatten(dtype="float64"),
            layers.Dropout(0.5, dtype="float64"),
            layers.Dense(toys.NUM_CLASSES, dtype="float64"),
        ]
    )
    norm = network.layers[1]
    own = np.array([[1.5, 0.7, 1.1], [0.1, 0.0, -0.2], [0.2, -0.1, 0.0], [0.1, 0.3, 0.2]])
    norm.set_weights(list(own))
    return network


NETWORKS = {"dense": smooth, "batch norm": normalised}


@pytest.fixture(scope="module", params=NETWORKS)
def network(request):
    return NETWORKS[request.param]()


@pytest.fixture(scope="module")
def data():
    return toys.images(N), toys.labels(N)


def attacked(network, data, epsilon):
    loss = WeightLoss(network, *data, epsilon=epsilon)
    loss.attack()
    return loss.batches[0].image


def explicit(network, image, label):
    """Returns the whole Hessian by TensorFlow's Jacobian of the gradient, apart from the room."""
    weights = list(network.trainable_variables)
    with tf.GradientTape(persistent=True) as outer:
        with tf.GradientTape() as inner:
            logs = tf.nn.log_softmax(network(image, training=False))
            wanted = tf.one_hot(label, logs.shape[1], dtype=logs.dtype)
            loss = -tf.reduce_mean(tf.reduce_sum(wanted * logs, axis=1))
        slopes = inner.gradient(loss, weights)
        flat = tf.concat([tf.reshape(each, [-1]) for each in slopes], axis=0)
    rows = outer.jacobian(flat, weights, experimental_use_pfor=False)
    size = flat.shape[0]
    return np.concatenate([np.reshape(each, [size, -1]) for each in rows], axis=1)


@functools.cache
def clean_hessian(network):
    return explicit(network, toys.images(N), toys.labels(N))


def descending(matrix):
    return np.linalg.eigvalsh(matrix)[::-1]


@pytest.mark.parametrize("epsilon", [0.0, EPSILON])
def test_eigenvalues_are_those_of_the_hessian_written_out(network, data, epsilon):
    image, label = data
    adversarial = attacked(network, data, epsilon)
    assert np.abs(adversarial - image).max() == pytest.approx(epsilon, abs=1e-6)
    hessian = explicit(network, adversarial, label) if epsilon else clean_hessian(network)
    assert len(hessian) == sum(np.size(each) for each in network.trainable_variables) > 25
    before, given = toys.snapshot(network), {"epsilon": epsilon, "tolerance": 1e-6}
    found = hessian_eigenvalues(network, *data, k=6, **given)
    np.testing.assert_allclose(found.values, descending(hessian)[:6], rtol=1e-4)
    lowest = hessian_eigenvalues(network, *data, k=3, which="smallest", **given)
    np.testing.assert_allclose(lowest.values, descending(-hessian)[:3] * -1, rtol=1e-4)
    for each in (found, lowest):
        inner = each.vectors @ each.vectors.T
        np.testing.assert_allclose(inner, np.eye(len(inner)), atol=1e-10)
        off = each.vectors @ hessian - each.values[:, None] * each.vectors
        np.testing.assert_allclose(np.linalg.norm(off, axis=1), each.residuals, atol=1e-8)
        assert each.residuals.max() < 1e-6 * np.abs(np.linalg.eigvalsh(hessian)).max()
    toys.assert_same(before, toys.snapshot(network))


# Eigenvalues of either sign have the largest magnitude in one of these Hessians.
@pytest.mark.parametrize(
    ("name", "which"),
    [("dense", "largest"), ("dense", "smallest"), ("batch norm", "smallest"), ("", "largest")],
)
def test_power_iteration_finds_the_same(data, name, which):
    network = NETWORKS[name]() if name else logistic(np.linspace(-1.0, 1.0, 16))
    data = data if name else binary(data)
    given = {"k": 2, "epsilon": EPSILON, "tolerance": 1e-5, "which": which}
    one = hessian_eigenvalues(network, *data, **given)
    other = hessian_eigenvalues(network, *data, method="power", **given)
    np.testing.assert_allclose(other.values, one.values, rtol=1e-4)
    np.testing.assert_allclose(np.abs(np.sum(one.vectors * other.vectors, axis=1)), 1, atol=1e-4)
    np.testing.assert_allclose(other.vectors @ other.vectors.T, np.eye(2), atol=1e-10)
    assert other.products > one.products


def test_all_eigenvalues_of_a_small_network(data):
    network = logistic([1.0] * 16)
    found = hessian_eigenvalues(network, *binary(data), k=16)
    hessian = explicit(network, *binary(data))
    np.testing.assert_allclose(found.values, descending(hessian), atol=1e-10)


@keras.saving.register_keras_serializable(package="tests")
class Margin(keras.layers.Layer):
    """Logits [0, w.x] without a bias."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1],), name="kernel")

    def call(self, x):
        score = tf.linalg.matvec(x, tf.convert_to_tensor(self.kernel))
        return tf.stack([tf.zeros_like(score), score], axis=1)


def logistic(weight, margin=None):
    layer = margin or Margin(dtype="float64")
    flat = keras.layers.Flatten(dtype="float64")
    network = keras.Sequential([keras.Input(toys.SHAPE), flat, layer])
    layer.set_weights([np.reshape(weight, layer.get_weights()[0].shape)])
    return network


def binary(data):
    return data[0], np.minimum(data[1], 1)


def test_logistic_regression_has_a_closed_form(data):
    """Liu 2022, equation 4.6: mean of s / (1 + s)^2 x' x'^T; |w|_1 = 1, x' = x - epsilon y sign w.

    The weights are those of B1: PGD reaches the corner of the ball in an example that has room.
    """
    image, label = binary(data)
    image = 0.4 + 0.2 * image
    weight = np.linspace(-1.0, 1.0, 16)
    weight /= np.abs(weight).sum()
    network = logistic(weight)
    found = hessian_eigenvalues(network, image, label, k=5, epsilon=EPSILON)
    rows, y = np.reshape(image, [N, -1]).astype(np.float64), 2.0 * label - 1.0
    corner = rows - EPSILON * y[:, None] * np.sign(weight)
    s = np.exp(y * (rows @ weight) - EPSILON)
    np.testing.assert_allclose(np.exp(y * (corner @ weight)), s)
    hessian = (corner.T * (s / (1 + s) ** 2)) @ corner / N
    np.testing.assert_allclose(found.values, descending(hessian)[:5], rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("epsilon", [0.0, EPSILON])
def test_batches_change_nothing(network, data, epsilon):
    one, other = (
        hessian_eigenvalues(network, *data, k=3, epsilon=epsilon, batch_size=size)
        for size in (N, 5)
    )
    np.testing.assert_allclose(other.values, one.values, rtol=1e-5)
    one, other = (WeightLoss(network, *data, epsilon=epsilon, batch_size=size) for size in (N, 5))
    for each in (one, other):
        each.attack()
    assert one.value() == pytest.approx(other.value(), rel=1e-6)


def test_float32_and_float64_agree(data):
    network, layers = toys.mlp(), keras.layers
    dense = layers.Dense(16, "tanh", dtype="float64"), layers.Dense(3, dtype="float64")
    double = keras.Sequential([keras.Input(toys.SHAPE), layers.Flatten(dtype="float64"), *dense])
    double.set_weights(network.get_weights())
    one, other = (hessian_eigenvalues(each, *data, k=4) for each in (network, double))
    np.testing.assert_allclose(one.values, other.values, rtol=1e-5)
    assert one.residuals.max() < 1e-4 * one.values[0]


def test_weights_that_do_not_count_have_no_curvature(data):
    """More eigenvalues than the loss is curved in: a relative tolerance of each would not end."""
    network = logistic(np.linspace(-1.0, 1.0, 64), Wide(dtype="float32"))
    found = hessian_eigenvalues(network, *binary(data), k=20)
    expected = descending(explicit(network, *binary(data)))
    np.testing.assert_allclose(found.values, expected[:20], atol=1e-6)
    np.testing.assert_allclose(found.values[12:], 0.0, atol=1e-6)  # as many as examples


@keras.saving.register_keras_serializable(package="tests")
class Wide(Margin):
    """The same with 64 weights, of which 48 are never used."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(64,), name="kernel")

    def call(self, x):
        score = tf.linalg.matvec(x, tf.convert_to_tensor(self.kernel)[:16])
        return tf.stack([tf.zeros_like(score), score], axis=1)


def test_freezing_a_layer_is_seen(data):
    network = toys.mlp()
    assert hessian_eigenvalues(network, *data, k=1).vectors.shape == (1, 323)
    network.layers[1].trainable = False
    assert hessian_eigenvalues(network, *data, k=1).vectors.shape == (1, 51)


def test_nothing_is_compiled_twice(data):
    network = toys.mlp()
    given = {"k": 2, "epsilon": EPSILON, "batch_size": 5}
    first = hessian_eigenvalues(network, *data, **given)
    kept = list(_shelf(network))
    network.layers[-1].set_weights([0.5 * each for each in network.layers[-1].get_weights()])
    again = hessian_eigenvalues(network, *data, **given)
    assert list(_shelf(network)) == kept
    assert abs(again.values[0] - first.values[0]) > 1e-3


def test_trace(network, data):
    hessian = clean_hessian(network)
    exact = np.trace(hessian)
    mean, error = hessian_trace(network, *data, draws=50)
    assert abs(mean - exact) < 4 * error
    # Signs: the variance is that of the Hessian's entries beside its diagonal.
    deviation = np.sqrt(2 * (np.sum(hessian**2) - np.sum(np.diag(hessian) ** 2)))
    assert error == pytest.approx(deviation / np.sqrt(50), rel=0.4)
    assert hessian_trace(network, *data, draws=3, seed=1) == hessian_trace(
        network, *data, draws=3, seed=1
    )


def test_density(network, data):
    """Its mass is 1, its mean that of the trace, and its ends those of the spectrum."""
    hessian = clean_hessian(network)
    size, values = len(hessian), descending(hessian)
    grid, density = hessian_density(network, *data, draws=10, steps=15)
    assert np.trapezoid(density, grid) == pytest.approx(1, rel=1e-6)
    mean = np.trapezoid(grid * density, grid)
    estimate = hessian_trace(network, *data, draws=10)
    assert mean == pytest.approx(estimate.mean / size, rel=1e-5)
    assert abs(mean - np.trace(hessian) / size) < 4 * estimate.error / size
    assert grid[0] < values[-1] < values[0] < grid[-1]
    # The outermost eigenvalue has a hill of its own, one weight in `size`.
    hill = grid > (values[0] + values[1]) / 2
    assert grid[hill][np.argmax(density[hill])] == pytest.approx(values[0], rel=0.05)


@keras.saving.register_keras_serializable(package="tests")
class Flat(Margin):
    """Logits that are the same whatever the weights."""

    def call(self, x):
        return 5.0 + 0.0 * super().call(x)


@pytest.mark.parametrize("method", ["lanczos", "power"])
def test_a_flat_loss(data, method):
    network = logistic(np.ones(16), Flat(dtype="float64"))
    found = hessian_eigenvalues(network, *binary(data), k=2, method=method)
    np.testing.assert_array_equal(found.values, 0.0)
    grid, density = hessian_density(network, *binary(data), draws=1, steps=5)
    assert np.trapezoid(density, grid) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("again", [False, True])
def test_the_surface_goes_through_the_loss(network, data, again):
    image, label = data
    before, directions = toys.snapshot(network), random_directions(network, seed=3)
    given = {"points": 3, "reach": 0.5, "epsilon": EPSILON, "again": again}
    arrays = loss_surface(network, *data, directions, **given)
    toys.assert_same(before, toys.snapshot(network))
    assert arrays["x"].tolist() == arrays["y"].tolist() == [-0.5, 0.0, 0.5]
    here = WeightLoss(network, *data, epsilon=EPSILON)
    here.attack()
    assert arrays["loss"][1, 1] == here.value()
    # One corner by hand: x moves along the first direction, y along the second.
    with here.elsewhere() as weights:
        here.move(weights + 0.5 * directions[0] - 0.5 * directions[1])
        if again:
            here.attack()
        expected = toys.loss_and_gradient(double(network), here.batches[0].image, label)[0].mean()
    assert arrays["loss"][0, 2] == pytest.approx(expected, rel=1e-5)


def double(network):
    return lambda image, training: tf.cast(network(image, training=training), tf.float32)


def test_the_surface_is_curved_as_the_spectrum_says(network, data):
    found = hessian_eigenvalues(network, *data, k=2, epsilon=EPSILON, tolerance=1e-6)
    reach = 1e-3
    loss = loss_surface(network, *data, found.vectors, points=3, reach=reach, epsilon=EPSILON)[
        "loss"
    ]
    for line, value in ((loss[1], found.values[0]), (loss[:, 1], found.values[1])):
        assert (line[0] - 2 * line[1] + line[2]) / reach**2 == pytest.approx(value, rel=1e-3)


def test_directions_are_as_long_as_the_filters(network):
    one, again, other = (random_directions(network, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 1e-3
    for direction in one:
        first = 0
        for variable in network.trainable_variables:
            values = np.array(variable)
            part = direction[first : first + values.size].reshape(values.shape)
            first += values.size
            if values.ndim == 1:
                assert not part.any()
                continue
            each = values.reshape(-1, values.shape[-1]), part.reshape(-1, values.shape[-1])
            lengths = [np.linalg.norm(columns, axis=0) for columns in each]
            np.testing.assert_allclose(*lengths, rtol=1e-10)
        assert first == len(direction)


def test_the_loss_at_random_weights(data):
    """Of classes drawn by chance it is near log 3; the network's own weights come back."""
    network = toys.mlp(gain=9.0)
    before = toys.snapshot(network)
    one, again, other = (random_loss(network, *data, draws=4, seed=seed) for seed in (0, 0, 1))
    assert one == again != other
    assert 0.7 * np.log(3) < one < 2 * np.log(3)
    assert random_loss(network, *data, draws=4, epsilon=EPSILON) > one
    toys.assert_same(before, toys.snapshot(network))
    spectrum = hessian_eigenvalues(network, *data, k=2)
    halved = spectrum.over(2.0)
    np.testing.assert_allclose(halved.values, spectrum.values / 2)
    np.testing.assert_allclose(halved.residuals, spectrum.residuals / 2)


def test_a_spectrum_can_be_read():
    shown = repr(Spectrum(np.array([2.5]), np.ones([1, 7]), np.array([3e-4]), 9, "power"))
    assert shown.split("\n") == [
        "1 eigenvalue for 7 weights, power, 9 products",
        "    1           2.5  residual norm 3.0e-04",
    ]


def frozen():
    network = toys.mlp()
    network.trainable = False
    return network


def overflowing():
    network = toys.mlp()
    network.layers[-1].set_weights([np.full([16, 3], np.inf), np.zeros(3)])
    return network


MISTAKES = {
    "too many": (hessian_eigenvalues, {"k": 10**6}, "as many eigenvalues", "k=323 or", "k=1000000"),
    "none": (hessian_eigenvalues, {"k": 0}, "k must be a whole", "k=1", "k=0"),
    "part": (hessian_eigenvalues, {"k": 2.5}, "k must be a whole", "k=1", "k=2.5"),
    "method": (hessian_eigenvalues, {"method": "qr"}, "method", "lanczos, power", "qr"),
    "end": (hessian_eigenvalues, {"which": "top"}, "spectrum", "largest", "top"),
    "tolerance": (hessian_eigenvalues, {"tolerance": 0.0}, "tolerance", "1e-4", "0.0"),
    "frozen": (hessian_eigenvalues, {"network": frozen}, "trainable", "Keras model", "without any"),
    "far": (hessian_eigenvalues, {"epsilon": 8}, "(0, 1]", "8/255", "epsilon=8"),
    "below": (hessian_eigenvalues, {"epsilon": -0.1}, "epsilon must", "0 for clean", "-0.1"),
    "norm": (hessian_eigenvalues, {"norm": "l3"}, "norm", "linf", "l3"),
    "steps": (hessian_eigenvalues, {"num_steps": 0}, "num_steps", "10", "num_steps=0"),
    "batch": (hessian_eigenvalues, {"batch_size": 0}, "batch_size", "1", "batch_size=0"),
    "images": (
        hessian_eigenvalues,
        {"image": 255 * toys.images(N)},
        "must lie in [0, 1]",
        "255",
        "values",
    ),
    "shape": (hessian_eigenvalues, {"image": toys.images(N, (5, 4, 1))}, "shape", "4", "5"),
    "labels": (hessian_eigenvalues, {"label": np.full(N, 3)}, "label", "", "3"),
    "few labels": (hessian_eigenvalues, {"label": [0, 1]}, "one label", "12 labels", "2 labels"),
    "infinite": (hessian_trace, {"network": overflowing}, "finite", "finite weights", "NaN"),
    "draws": (hessian_trace, {"draws": 1}, "draws", "2", "draws=1"),
    "lanczos steps": (hessian_density, {"steps": 0}, "steps", "1", "steps=0"),
    "smoothing": (hessian_density, {"smoothing": 2.0}, "smoothing", "0.01", "2.0"),
    "directions": (loss_surface, {"directions": np.ones([2, 5])}, "two", "[2, 323]", "[2, 5]"),
    "points": (loss_surface, {"points": 1, "directions": None}, "points", "2", "points=1"),
    "reach": (loss_surface, {"reach": 0, "directions": None}, "reach", "1.0", "reach=0"),
    "random draws": (random_loss, {"draws": 0}, "draws", "1", "draws=0"),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_told(data, mistake):
    function, changed, *told = mistake
    values = {"network": toys.mlp, "image": data[0], "label": data[1]} | changed
    values["network"] = values["network"]()
    refused(
        lambda: function(**values), **dict(zip(("rule", "right", "received"), told, strict=True))
    )


def test_a_tolerance_out_of_reach(data, monkeypatch):
    monkeypatch.setattr(eigenvectors, "_RESTARTS", 1)
    refused(
        lambda: hessian_eigenvalues(smooth(), *data, k=8, tolerance=1e-14),
        rule="stand out",
        right="float64",
        received="k=8, tolerance=1e-14",
    )


def test_mistakes_elsewhere(data):
    network = logistic([1.0] * 16)
    refused(
        lambda: random_loss(network, *binary(data)),
        rule="initializers of their layers",
        right="kernel_initializer",
        received="kernel",
    )
    refused(
        lambda: random_directions(frozen()), rule="trainable", right="Keras", received="without any"
    )
    spectrum = hessian_eigenvalues(network, *binary(data), k=1)
    refused(lambda: spectrum.over(0.0), rule="loss must", right="random_loss", received="loss=0.0")
