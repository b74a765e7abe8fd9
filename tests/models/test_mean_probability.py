"""Several networks as one: the mean of their probabilities, and a gradient to climb."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import models
from fosc_tf.terms import cross_entropy
from tests.attacks.toys import images, mlp
from tests.data.three_parts import refused

IMAGE = images(6)


def softmax(logits):
    weights = np.exp(np.float64(logits) - np.max(logits, axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def members():
    return [mlp(gain=2.0, seed=seed) for seed in range(3)]


def test_probabilities_are_the_mean_of_the_members():
    networks = members()
    together = models.ensemble(networks)
    logits = together(IMAGE, training=False).numpy()
    expected = np.mean([softmax(each(IMAGE).numpy()) for each in networks], axis=0)
    np.testing.assert_allclose(np.exp(logits), expected, rtol=1e-5)
    np.testing.assert_allclose(np.exp(logits).sum(axis=1), 1.0, rtol=1e-5)
    assert together.count_params() == sum(each.count_params() for each in networks)


def test_one_alone_is_itself():
    (network, *_) = members()
    logits = models.ensemble([network])(IMAGE).numpy()
    np.testing.assert_allclose(logits, np.log(softmax(network(IMAGE).numpy())), atol=1e-5)


def test_where_all_are_sure_there_is_a_gradient():
    sure = [mlp(gain=2.0, seed=seed) for seed in range(2)]
    for each in sure:
        each.layers[-1].kernel.assign(each.layers[-1].kernel * 1e4)
    together = models.ensemble(sure)
    image = tf.constant(IMAGE)
    with tf.GradientTape() as tape:
        tape.watch(image)
        said = [np.argmax(each(IMAGE), axis=1) for each in sure]
        wrong = [min({0, 1, 2} - {*each}) for each in zip(*said, strict=True)]
        loss = cross_entropy(together(image), tf.constant(wrong))
    gradient = tape.gradient(loss, image).numpy()
    assert np.isfinite(loss).all()
    assert np.isfinite(gradient).all()
    assert (np.abs(gradient).reshape(6, -1).max(axis=1) > 0).all()


def test_keras_saves_it(tmp_path):
    together = models.ensemble(members())
    together.save(tmp_path / "ensemble.keras")
    again = keras.models.load_model(tmp_path / "ensemble.keras")
    np.testing.assert_array_equal(again(IMAGE), together(IMAGE))


def test_it_shares_the_weights():
    networks = members()
    together = models.ensemble(networks)
    before = together(IMAGE).numpy()
    networks[1].set_weights([2 * value for value in networks[1].get_weights()])
    assert np.abs(together(IMAGE).numpy() - before).max() > 1e-3


@pytest.mark.parametrize("received", ["no network", "5 classes"])
def test_refused(received):
    other = models.get("digits_mlp", input_shape=(4, 4, 1), num_classes=5)
    networks = [] if received == "no network" else [members()[0], other]
    refused(
        lambda: models.ensemble(networks),
        rule="classify the same images",
        right="one input and output shape",
        received=received,
    )
