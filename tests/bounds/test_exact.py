"""Exact verification: it says what an exhaustive search says, and never more than is known."""

import functools
import importlib
import itertools
import types

import keras
import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from fosc_tf import attacks, bounds
from fosc_tf.bounds.enclosures import Enclosures
from fosc_tf.bounds.exact import SLACK, exact
from fosc_tf.bounds.integer_program import minus, total
from fosc_tf.bounds.interval_bounds import Interval
from fosc_tf.bounds.piecewise_network import PiecewiseNetwork
from fosc_tf.bounds.program import read
from fosc_tf.models.graph import walk
from tests.bounds.networks import SHAPE, made
from tests.bounds.test_methods import two_layers
from tests.data.three_parts import refused

L = keras.layers
NEAR = 1e-3


def dense():
    layers = [L.Flatten(), L.Dense(4), L.ReLU(), L.Dense(3), L.LeakyReLU(0.2), L.Dense(3)]
    return keras.Sequential([keras.Input((1, 3, 1)), *layers])


def residual():
    image = keras.Input((2, 2, 1))
    x = L.Dense(3)(L.Flatten()(image))
    y = L.Dense(3)(L.ReLU()(x))
    return keras.Model(image, L.Dense(3)(L.ReLU()(L.Add()([x, y]))))


def convolution():
    layers = [
        L.Conv2D(1, 3, strides=2, padding="same"),
        L.BatchNormalization(),
        L.ReLU(negative_slope=0.1),
        L.Flatten(),
        L.Dense(3),
        L.ReLU(),
        L.Dense(3),
    ]
    return keras.Sequential([keras.Input((4, 4, 1)), *layers])


def pooled():
    layers = [
        L.Flatten(),
        L.Dense(12),
        L.Reshape((2, 6, 1)),
        L.MaxPooling2D((2, 2), strides=(2, 1), padding="same"),
        L.ReLU(),
        L.Flatten(),
        L.Dense(3),
    ]
    return keras.Sequential([keras.Input((1, 2, 1)), *layers])


def drawn(network, random):
    """Gives a network other weights, of which all matter."""
    for weight in network.weights:
        fresh = random.normal(size=weight.shape)
        weight.assign(0.5 + fresh**2 if "variance" in weight.path else fresh)


def least_of(functions, box):
    """Returns the least of affine functions, [1 + pixels, n] at 0 and at the units, in a box."""
    slopes = functions[1:] - functions[0]
    return functions[0] + np.minimum(slopes * box[:, :1], slopes * box[:, 1:]).sum(axis=0)


def patterned(network):
    """Returns how many ReLUs a network has, and a function of which are above 0, [n] of 0 and 1.

    With slopes in place of its ReLUs a network is affine: known by the logits, and by what goes
    into its ReLUs, at the image 0 and at those with a single 1.
    """
    graph, shape = walk(network), network.input_shape[1:]
    units = np.eye(np.prod(shape) + 1, np.prod(shape), -1).reshape(-1, *shape).astype("float32")
    bent = [node for node in graph.nodes if isinstance(node.layer, L.ReLU | L.LeakyReLU)]
    shapes = [node.outputs[0].shape[1:] for node in bent]

    @tf.function
    def found(pattern):
        parts, before = tf.split(pattern, [int(np.prod(shape)) for shape in shapes]), []

        def call(node):
            if node not in bent:
                return node.layer
            place = bent.index(node)
            up, slope = tf.reshape(parts[place], shapes[place]), float(node.layer.negative_slope)

            def line(x):
                before.append(tf.reshape(x, [len(units), -1]))
                return x * (up + (1 - up) * slope)

            return line

        logits = graph.run(tf.constant(units), call)
        return logits, tf.concat(before, axis=1)

    return sum(int(np.prod(shape)) for shape in shapes), found


def least_margin(units, affine, image, label, epsilon):
    """Returns the least margin in the ball: one linear program for each pattern and class."""
    box = np.clip([image.ravel() - epsilon, image.ravel() + epsilon], 0, 1).T
    least = np.inf
    for pattern in itertools.product((0.0, 1.0), repeat=units):
        logits, before = (each.numpy() for each in affine(tf.constant(pattern)))
        sides = before * (1 - 2 * np.array(pattern))
        if np.any(least_of(sides, box) > 0):  # cheaper than to ask
            continue
        for other in set(range(logits.shape[1])) - {label}:
            margin = logits[:, label] - logits[:, other]
            found = scipy.optimize.linprog(
                margin[1:] - margin[0], (sides[1:] - sides[0]).T, -sides[0], bounds=box
            )
            if found.status == 2:  # no image has this pattern
                break
            least = min(least, found.fun + margin[0])
    return least


def programmed(network, image, label, epsilon):
    """Returns what the programs have as the least margin, and the margin at the image found."""
    pieces, asked = PiecewiseNetwork(read(network)), Enclosures()
    _, boxes = asked.of(network, asked.boxes, image[None], [label], epsilon=epsilon)
    program, logits = pieces.written([Interval(*map(np.ravel, box)) for box in boxes])
    found = []
    for other in set(range(3)) - {label}:
        margin = total([logits.rows([label]), minus(logits.rows([other]))])
        _, point = program.minimised(margin, 1e3, 60.0, first=False)
        at = network(point[: image.size].reshape(1, *image.shape))[0]
        value = margin.matrix @ point[: margin.matrix.shape[1]] + margin.constant
        found.append((value[0], float(at[label] - at[other])))
    return min(found)


@pytest.mark.parametrize("make", [dense, residual, convolution])
def test_every_pattern_of_slopes_says_the_same(make):
    network, random, seen = make(), np.random.default_rng(0), set()
    pattern = patterned(network)
    for epsilon in (0.02, 0.05, 0.1, 0.2):
        drawn(network, random)
        image = random.uniform(size=(1, *network.input_shape[1:])).astype("float32")
        label = network(image).numpy().argmax(axis=1)
        least = least_margin(*pattern, image[0], label[0], epsilon)
        known = programmed(network, image[0], label[0], epsilon)
        np.testing.assert_allclose(known, [least, least], atol=1e-4)
        (found,) = exact(network, image, label, epsilon=epsilon)
        if abs(least) > NEAR:
            assert found == ("robust" if least > 0 else "broken"), least
            seen.add(found)
    assert seen == {"robust", "broken"}


@pytest.mark.parametrize("make", [pooled])
def test_a_dense_grid_says_the_same(make):
    network, random, seen = make(), np.random.default_rng(0), []
    steps = np.stack(np.meshgrid(*[np.linspace(-1, 1, 81)] * 2), axis=-1).reshape(-1, 1, 1, 2, 1)
    for epsilon in (0.05, 0.1, 0.2, 0.4):
        drawn(network, random)
        image = random.uniform(size=(4, 1, 2, 1)).astype("float32")
        label = network(image).numpy().argmax(axis=1)
        grid = np.clip(image + epsilon * steps, 0, 1).astype("float32")
        logits = network(grid.reshape(-1, 1, 2, 1)).numpy().reshape(len(grid), 4, 3)
        margin = logits[:, range(4), label][..., None] - logits
        margin[:, range(4), label] = np.inf
        least = margin.min(axis=(0, 2))
        known, at = programmed(network, image[0], label[0], epsilon)
        np.testing.assert_allclose(known, at, atol=1e-4)
        assert known <= least[0] + 1e-5
        found = exact(network, image, label, epsilon=epsilon)
        # Between two points of the grid a margin falls by some share of its width.
        sure = (least < 0) | (least > 0.05)
        np.testing.assert_array_equal(found[sure], np.where(least > 0, "robust", "broken")[sure])
        seen += list(found[sure])
    assert set(seen) == {"robust", "broken"}
    assert len(seen) > 10


two = functools.cache(two_layers)  # compiled once, with other weights each time


def constant_beside(constant):
    """Returns z = [constant, relu(x1 + x2 - 1) + relu(x1 - x2)]."""
    first = [np.array([[1.0, 1.0], [1.0, -1.0]]), np.array([-1.0, 0.0])]
    return weighted(first, [np.array([[0.0, 1.0], [0.0, 1.0]]), np.array([constant, 0.0])])


def weighted(first, second):
    network = two()
    network.layers[1].set_weights(first)
    network.layers[2].set_weights(second)
    return network


PLACE = np.array([0.5, 0.45], "float32").reshape(1, 1, 2, 1)


def test_by_hand():
    """Around (0.5, 0.45) the sum is at most 0.25, at (0.6, 0.35); CROWN knows 0.325."""
    for constant, answer in ((0.33, "robust"), (0.26, "robust"), (0.24, "broken")):
        network = constant_beside(constant)
        margin = bounds.margins(network, PLACE, [0], epsilon=0.1)[0, 1]
        np.testing.assert_allclose(margin, constant - 0.325, atol=1e-6)
        assert exact(network, PLACE, [0], epsilon=0.1) == [answer]


@pytest.fixture(scope="module")
def judged():
    """A network, images, labels, radii and what is said of each."""
    network, random = made("convolutions"), np.random.default_rng(5)
    image = random.uniform(size=(60, *SHAPE)).astype("float32")
    label = network(image).numpy().argmax(axis=1)
    radius = np.tile(np.float32([0.01, 0.03, 0.05]), 20)
    return network, image, label, radius, exact(network, image, label, epsilon=radius)


def test_both_answers_occur(judged):
    assert all(np.sum(judged[-1] == answer) > 5 for answer in ("robust", "broken"))


@pytest.mark.parametrize("method", bounds.METHODS)
def test_no_method_proves_more(judged, method):
    network, image, label, radius, found = judged
    margin = bounds.margins(network, image, label, epsilon=radius, method=method)
    proved = bounds.proved(margin, label)
    assert proved.any()
    assert set(found[proved]) == {"robust"}
    assert np.sum(found == "robust") > proved.sum()


def test_no_attack_breaks_what_is_robust(judged):
    network, image, label, radius, found = judged
    for epsilon in np.unique(radius):
        at = (radius == epsilon) & (found == "robust")
        settings = {"epsilon": float(epsilon), "step_size": float(epsilon) / 8, "num_steps": 40}
        attack = attacks.PGD(**settings, loss="margin")
        for seed in range(3):
            there = attack(network, image[at], label[at], seed=seed).image
            np.testing.assert_array_equal(network(there).numpy().argmax(axis=1), label[at])


def test_radii_of_pixels():
    """Where x1 stays at 0.5, the sum is at most 0.15, at x2 = 0.35."""
    network, still = constant_beside(0.2), np.array([0.0, 0.1], "float32").reshape(1, 1, 2, 1)
    assert exact(network, PLACE, [0], epsilon=0.1) == ["broken"]
    assert exact(network, PLACE, [0], epsilon=still) == ["robust"]


def test_a_wrong_image_is_broken():
    found = exact(constant_beside(1.0), PLACE.repeat(2, 0), [0, 1], epsilon=0.1)
    assert list(found) == ["robust", "broken"]


def bowl(constant):
    """Returns z = [|x1 - x2| + constant, 0], of which linear bounds know little."""
    first = [np.array([[1.0, -1.0], [-1.0, 1.0]]), np.zeros(2)]
    return weighted(first, [np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([constant, 0.0])])


def test_a_tie_is_not_robust():
    assert exact(bowl(1e-3), PLACE, [0], epsilon=0.1) == ["robust"]
    assert exact(bowl(0.1 * SLACK), PLACE, [0], epsilon=0.1) == ["unknown"]
    assert exact(bowl(0.0), PLACE, [0], epsilon=0.1) != ["robust"]
    assert exact(bowl(-1e-3), PLACE, [0], epsilon=0.1) == ["broken"]
    network = keras.Sequential([keras.Input((1, 2, 1)), L.Flatten(), L.Dense(2)])
    network.layers[1].set_weights([np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([-0.25, 0.0])])
    image = np.full([2, 1, 2, 1], 0.5, "float32")
    assert list(exact(network, image, [0, 0], epsilon=[0.25, 0.249])) == ["broken", "robust"]


def test_without_time_nothing_is_said(judged):
    network, image, label, radius, found = judged
    short = exact(network, image, label, epsilon=radius, time_limit=1e-9)
    crown = bounds.margins(network, image, label, epsilon=radius, dtype="float64")
    np.testing.assert_array_equal(short == "robust", bounds.proved(crown, label))
    assert np.sum(short == "unknown") > 0
    assert set(found[short == "broken"]) == {"broken"}


@pytest.mark.parametrize(
    ("status", "point"),
    [(1, None), (4, None), (1, PLACE.ravel()), (0, PLACE.ravel())],
    ids=["late", "failed", "late, with an image", "an image that does not break"],
)
def test_what_the_solver_says_is_not_believed(monkeypatch, status, point):
    def milp(objective, **settings):
        x = None if point is None else np.pad(point, (0, len(objective) - len(point)))
        return types.SimpleNamespace(status=status, x=x)

    network = constant_beside(0.26)
    monkeypatch.setattr(scipy.optimize, "milp", milp)
    assert exact(network, PLACE, [0], epsilon=0.1) == ["unknown"]


@pytest.fixture
def without_descent(monkeypatch):
    """What breaks is found by programs alone."""
    module = importlib.import_module("fosc_tf.bounds.exact")
    monkeypatch.setattr(module, "compiled", lambda *given: tf.constant(PLACE))


def test_an_image_of_the_solver_is_shown_to_the_network(without_descent):
    assert exact(constant_beside(0.24), PLACE, [0], epsilon=0.1) == ["broken"]


def test_all_classes_that_are_not_proved_are_asked(without_descent):
    """z = [0.26, relu(a) + relu(b), relu(b) + 0.02]: CROWN is less sure of the second class, which
    is at most 0.25, than of the third, at most 0.27."""
    layers = [keras.Input((1, 2, 1)), L.Flatten(), L.Dense(2, activation="relu"), L.Dense(3)]
    network = keras.Sequential(layers)
    last = [np.array([[0.0, 1.0, 0.0], [0.0, 1.0, 1.0]]), np.array([0.26, 0.0, 0.02])]
    network.set_weights([*two_layers().layers[1].get_weights(), *last])
    margin = bounds.margins(network, PLACE, [0], epsilon=0.1)
    np.testing.assert_allclose(margin, [[0.0, -0.065, -0.01]], atol=1e-6)
    assert exact(network, PLACE, [0], epsilon=0.1) == ["broken"]
    last[1][2] = 0.0
    network.layers[2].set_weights(last)
    assert exact(network, PLACE, [0], epsilon=0.1) == ["robust"]


def of_dense(activation):
    layers = [L.Flatten(), L.Dense(2, activation=activation, name="bent"), L.Dense(2)]
    return keras.Sequential([keras.Input((1, 2, 1)), *layers])


@pytest.mark.parametrize(
    ("call", "rule", "right", "received"),
    [
        (
            lambda: exact(of_dense("sigmoid"), PLACE, [0], epsilon=0.1),
            "linear in pieces",
            "LeakyReLU",
            "layer 'bent'",
        ),
        (lambda: exact(of_dense("relu6"), PLACE, [0], epsilon=0.1), "pieces", "", "'bent'"),
        (
            lambda: exact(constant_beside(0.26), PLACE, [0], epsilon=0.1, most_unstable=1),
            "at most most_unstable=1 unstable neurons",
            "most_unstable=2",
            "example 0 with 2",
        ),
        (
            lambda: exact(of_dense("relu"), PLACE, [0], epsilon=0.1, time_limit=0),
            "time_limit must",
            "60",
            "time_limit=0",
        ),
        (
            lambda: exact(of_dense("relu"), PLACE, [0], epsilon=0.1, most_unstable=-1),
            "most_unstable must",
            "",
            "-1",
        ),
        (lambda: exact(of_dense("relu"), PLACE, [0], epsilon=8), "epsilon must lie", "8/255", "8"),
        (lambda: exact(of_dense("relu"), PLACE, [2], epsilon=0.1), "label", "", "2"),
    ],
)
def test_mistakes(call, rule, right, received):
    refused(call, rule=rule, right=right, received=received)


def test_programs_of_other_examples_may_be_larger():
    """Who is proved by CROWN needs no program: the limit is not theirs."""
    assert exact(constant_beside(0.33), PLACE, [0], epsilon=0.1, most_unstable=0) == ["robust"]
