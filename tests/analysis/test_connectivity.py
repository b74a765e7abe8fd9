"""Curves of weights and turning perturbations, beside formulas written out."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import data, files
from fosc_tf.analysis import Curve, connect, connectivity, perturbation_cosine
from fosc_tf.analysis.connection import loss_and_slopes
from fosc_tf.attacks import PGD
from tests.attacks import toys
from tests.data.three_parts import refused

IMAGE, LABEL = toys.images(24), toys.labels(24)


def test_the_ends_are_the_networks_to_the_bit():
    first, second = toys.mlp(0), toys.mlp(1)
    kernel, bias = first.layers[-1].get_weights()
    first.layers[-1].set_weights([kernel, np.array([-0.0, 0.1, 0.2])])
    for degree in (1, 2, 5):
        curve = Curve.between(first, second, degree)
        for t, end in ((0.0, first), (1.0, second)):
            network = toys.mlp(2)
            curve.put(network, t)
            assert [e.tobytes() for e in network.get_weights()] == [
                e.tobytes() for e in end.get_weights()
            ]
        middle = curve.at(0.3)
        for found, one, other in zip(
            middle, first.get_weights(), second.get_weights(), strict=True
        ):
            np.testing.assert_allclose(found, 0.7 * one + 0.3 * other, atol=1e-6)


def test_gradients_of_inner_points_are_those_of_the_whole_formula():
    network, curve = toys.mlp(2), Curve.between(toys.mlp(0), toys.mlp(1), 3)
    t = 0.3
    curve.put(network, t)
    _, slopes = loss_and_slopes(network, IMAGE, LABEL)
    shares = curve.coefficients(t).numpy()
    np.testing.assert_allclose(shares, [0.343, 0.441, 0.189, 0.027])
    points = [[tf.convert_to_tensor(each) for each in point] for point in curve.points]
    with tf.GradientTape() as tape:
        tape.watch(points)
        kernel, bias, last, last_bias = (
            0.343 * a + 0.441 * b + 0.189 * c + 0.027 * d
            for a, b, c, d in zip(*points, strict=True)
        )
        hidden = tf.tanh(tf.reshape(IMAGE, [24, -1]) @ kernel + bias)
        logs = tf.nn.log_softmax(hidden @ last + last_bias)
        loss = -tf.reduce_mean(tf.gather(logs, LABEL, batch_dims=1))
    for share, expected in zip(shares, tape.gradient(loss, points), strict=True):
        for slope, each in zip(slopes, expected, strict=True):
            np.testing.assert_allclose(share * slope, each, rtol=1e-4, atol=1e-6)


ATTACK = PGD(epsilon=0.1, step_size=0.05, num_steps=2)


def joined(folder=None, **given):
    first, second = (toys.with_batch_norm_and_dropout(seed) for seed in (0, 1))
    before = toys.snapshot(first)
    try:
        given = {"attack": ATTACK, "epochs": 3, "batch_size": 8, "save_steps": 2} | given
        return connect(first, second, IMAGE, LABEL, folder=folder, **given)
    finally:
        toys.assert_same(before, toys.snapshot(first))
        assert first.layers[1].momentum == 0.99


def test_a_training_that_was_killed_goes_on_to_the_bit(tmp_path, monkeypatch):
    whole = joined()
    written = []

    def killed(*given):
        written.append(given)
        if len(written) == 3:
            raise KeyboardInterrupt
        write(*given)

    write = files.write
    with monkeypatch.context() as patch:
        patch.setattr(files, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            joined(tmp_path)
    again = joined(tmp_path)
    np.testing.assert_array_equal(again.loss, whole.loss)
    assert whole.loss.shape == (9,)
    for one, other in zip(again.curve.inner[0], whole.curve.inner[0], strict=True):
        np.testing.assert_array_equal(one, other)
    refused(lambda: joined(tmp_path, seed=1), rule="as it was begun", right="same", received="seed")
    refused(lambda: joined(tmp_path, epochs=1), rule="backwards", right="3", received="9 steps")
    (tmp_path / "curve.npz").write_bytes(b"PK")
    refused(lambda: joined(tmp_path), rule="readable", right="undamaged", received="curve.npz")


def test_the_trained_curve_stays_below_the_straight_line():
    arrays = data.load("digits")
    image, label = arrays.x_train[:1000], arrays.y_train[:1000]
    networks = []
    for seed in (0, 1):
        keras.utils.set_random_seed(seed)
        layers = [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(32, "relu"),
            keras.layers.Dense(10),
        ]
        network = keras.Sequential(layers)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        network.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss)
        network.fit(image, label, batch_size=50, epochs=10, verbose=0)
        networks.append(network)
    curve, _ = connect(*networks, image, label, batch_size=50, epochs=15)
    found = connectivity(networks[0], curve, image, label, t=np.linspace(0, 1, 11))
    bent, line = found["curve_clean_loss"], found["line_clean_loss"]
    assert bent.mean() < line.mean()
    assert bent.max() < 0.5 * line.max()
    np.testing.assert_array_equal(bent[[0, -1]], line[[0, -1]])


def test_statistics_are_estimated_anew():
    """One layer of batch norm, then a dense one: the loss along t by NumPy."""

    def normed(seed):
        keras.utils.set_random_seed(seed)
        layers = [
            keras.Input(toys.SHAPE),
            keras.layers.Flatten(),
            keras.layers.Dense(5),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(3),
        ]
        return keras.Sequential(layers)

    first, second = normed(0), normed(1)
    before = toys.snapshot(first)
    found = connectivity(
        first, Curve.between(first, second, 1), IMAGE, LABEL, train_image=IMAGE, t=[0.0, 0.25]
    )
    toys.assert_same(before, toys.snapshot(first))
    for t, loss in zip(found["t"], found["curve_clean_loss"], strict=True):
        kernel, bias, gamma, beta, last, last_bias = (
            (1 - t) * np.array(one, np.float64) + t * np.array(other, np.float64)
            for one, other in zip(
                first.trainable_variables, second.trainable_variables, strict=True
            )
        )
        hidden = IMAGE.reshape(24, -1) @ kernel + bias
        hidden = gamma * (hidden - hidden.mean(0)) / np.sqrt(hidden.var(0) + 1e-3) + beta
        logits = hidden @ last + last_bias
        logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        assert loss == pytest.approx(-logs[np.arange(24), LABEL].mean(), rel=1e-4)


def linear(seed=0, classes=3):
    keras.utils.set_random_seed(seed)
    flat = keras.layers.Flatten()
    return keras.Sequential([keras.Input(toys.SHAPE), flat, keras.layers.Dense(classes)])


@pytest.mark.parametrize("classes", [2, 3])
def test_perturbations_of_a_linear_network_by_hand(classes):
    """One step from the clean image ends at epsilon * sign(sum_j p_j w_j - w_y)."""
    network, label = linear(classes=classes), LABEL % classes
    image, epsilon = 0.3 + 0.4 * IMAGE, 0.1
    direction = np.random.default_rng(0).standard_normal(17 * classes)
    attack = PGD(epsilon=epsilon, step_size=epsilon, num_steps=1, start="clean")
    before = toys.snapshot(network)
    found = perturbation_cosine(
        network, image, label, direction, [0.0, 1.0, 3.0], attack, batch_size=7
    )
    toys.assert_same(before, toys.snapshot(network))
    vector, flat = direction / np.linalg.norm(direction), image.reshape(24, -1)
    for i, a in enumerate(found["distance"]):
        moved, errors = [], []
        for side in (1, -1):
            own = np.concatenate([each.ravel() for each in before]) + side * a * vector
            kernel, bias = own[: 16 * classes].reshape(16, classes), own[16 * classes :]
            odds = np.exp(flat @ kernel + bias)
            odds /= odds.sum(1, keepdims=True)
            moved.append(epsilon * np.sign((odds - np.eye(classes)[label]) @ kernel.T))
            logits = (flat + moved[-1]) @ kernel + bias
            errors.append(np.mean(logits.argmax(1) != label))
        cosines = np.sum(moved[0] * moved[1], axis=1) / (16 * epsilon**2)
        assert found["cosine"][i] == pytest.approx(cosines.mean(), abs=1e-5)
        error = cosines.std(ddof=1) / np.sqrt(24)
        assert found["standard_error"][i] == pytest.approx(error, abs=1e-5)
        assert [found["error_plus"][i], found["error_minus"][i]] == errors
    assert found["cosine"][0] == pytest.approx(1)
    assert found["cosine"][2] < 0.9


def test_weights_come_back_after_an_exception():
    network = linear()
    before = toys.snapshot(network)

    def failing(network, image, label, **given):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        perturbation_cosine(network, IMAGE, LABEL, np.ones(51), [1.0], failing)
    toys.assert_same(before, toys.snapshot(network))


def test_mistakes_are_told():
    refused(
        lambda: Curve.between(toys.mlp(0), toys.mlp(1, width=5)),
        rule="one architecture",
        right="same shapes",
        received="[16, 16] in the first and [16, 5] in the second",
    )
    refused(lambda: joined(degree=0), rule="degree", right="degree=1", received="degree=0")
    refused(
        lambda: perturbation_cosine(linear(), IMAGE, LABEL, np.zeros(51), [1.0], ATTACK),
        rule="direction",
        right="[51]",
        received="length 0",
    )
    first = toys.with_batch_norm_and_dropout()
    refused(
        lambda: connectivity(first, Curve.between(first, first), IMAGE, LABEL),
        rule="batch norms",
        right="train_image",
        received="None",
    )
