"""Exact verification: it says what an exhaustive search says, and never more than is known."""

import importlib
import itertools
import types

import keras
import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from fosc_tf import attacks, bounds
from fosc_tf.bounds.exact import SLACK, exact
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


def least_margin(network, image, label, epsilon):
    """Returns the least margin in the ball: one linear program for each pattern and class.

    With a pattern of slopes instead of its ReLUs a network is affine, and known by what it says of
    the image 0 and of those with a single 1.
    """
    graph = walk(network)
    units = np.eye(image.size + 1, image.size, -1).reshape(-1, *image.shape).astype("float32")
    bent = [node for node in graph.nodes if isinstance(node.layer, L.ReLU | L.LeakyReLU)]
    sizes = [int(np.prod(node.outputs[0].shape[1:])) for node in bent]
    box = np.clip([image.ravel() - epsilon, image.ravel() + epsilon], 0, 1).T
    least = np.inf
    for pattern in itertools.product((0.0, 1.0), repeat=sum(sizes)):
        parts = np.split(np.array(pattern), np.cumsum(sizes)[:-1])
        on = {id(node.layer): part for node, part in zip(bent, parts, strict=True)}
        before = []

        def call(node, on=on, before=before):
            if id(node.layer) not in on:
                return node.layer
            slope = float(node.layer.negative_slope)

            def line(x):
                before.append(np.reshape(x, [len(x), -1]))
                up = on[id(node.layer)].reshape(x.shape[1:]).astype("float32")
                return x * (up + (1 - up) * slope)

            return line

        logits = np.array(graph.run(tf.constant(units), call))
        sides = np.concatenate(before, axis=1) * (1 - 2 * np.array(pattern))
        for other in set(range(logits.shape[1])) - {label}:
            margin = logits[:, label] - logits[:, other]
            found = scipy.optimize.linprog(
                margin[1:] - margin[0], (sides[1:] - sides[0]).T, -sides[0], bounds=box
            )
            if found.status == 2:  # no image has this pattern
                break
            least = min(least, found.fun + margin[0])
    return least


@pytest.mark.parametrize("make", [dense, residual, convolution])
def test_every_pattern_of_slopes_says_the_same(make):
    network, random, seen = make(), np.random.default_rng(0), set()
    for epsilon in (0.02, 0.05, 0.1, 0.2):
        drawn(network, random)
        image = random.uniform(size=(1, *network.input_shape[1:])).astype("float32")
        label = network(image).numpy().argmax(axis=1)
        least = least_margin(network, image[0], label[0], epsilon)
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
        found = exact(network, image, label, epsilon=epsilon)
        # Between two points of the grid a margin falls by some share of its width.
        sure = (least < 0) | (least > 0.05)
        np.testing.assert_array_equal(found[sure], np.where(least > 0, "robust", "broken")[sure])
        seen += list(found[sure])
    assert set(seen) == {"robust", "broken"}
    assert len(seen) > 10


def constant_beside(constant):
    """Returns z = [constant, relu(x1 + x2 - 1) + relu(x1 - x2)]."""
    network = two_layers()
    weights = [np.array([[0.0, 1.0], [0.0, 1.0]]), np.array([constant, 0.0])]
    network.layers[2].set_weights(weights)
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
    network = two_layers()
    network.layers[1].set_weights([np.array([[1.0, -1.0], [-1.0, 1.0]]), np.zeros(2)])
    network.layers[2].set_weights([np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([constant, 0.0])])
    return network


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


def test_an_image_of_the_solver_is_shown_to_the_network(monkeypatch):
    """Without the descent: what breaks is found by the program alone."""
    module = importlib.import_module("fosc_tf.bounds.exact")
    monkeypatch.setattr(module, "compiled", lambda *given: tf.constant(PLACE))
    assert exact(constant_beside(0.24), PLACE, [0], epsilon=0.1) == ["broken"]


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
