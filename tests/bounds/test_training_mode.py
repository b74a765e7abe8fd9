"""Networks in training mode: equal to Keras' own, statistics moved once, cut where it can be."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import defenses, models
from fosc_tf.bounds.interval_bounds import intervals
from fosc_tf.bounds.program import read
from fosc_tf.bounds.region import Region
from fosc_tf.bounds.training_mode import answer, cut_at, training_mode
from fosc_tf.training import AdversarialTrainer
from tests.data.three_parts import refused

IMAGE = np.random.default_rng(0).uniform(size=(6, 8, 8, 1)).astype("float32")


def made(kind=None):
    """Returns a convolutional network with batch norms, of Keras' kind or of the house's."""
    if kind is None:
        return models.get("dm_small", input_shape=(8, 8, 1), num_classes=10, batch_norm=True)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, name="conv"),
            kind,
            layers.ReLU(),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )


@pytest.mark.parametrize(
    "kind",
    [
        None,
        {},
        {"scale": False},
        {"center": False},
        {"trainable": False},
        {"momentum": 0.5, "epsilon": 0.1},
    ],
)
def test_answers_and_moves_statistics_as_keras_does(kind):
    norm = None if kind is None else keras.layers.BatchNormalization(**kind)
    network = made(norm)
    before = network.get_weights()
    gain = np.random.default_rng(1)
    network.set_weights([np.abs(each + 0.3 * gain.normal(size=each.shape)) for each in before])
    before = network.get_weights()
    for layer in network.layers:  # what is random does nothing here
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    expected = network(IMAGE, training=True)
    after = network.get_weights()
    network.set_weights(before)
    program, logits = training_mode(network, tf.constant(IMAGE))
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)
    for one, other in zip(network.get_weights(), after, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    # The program has those statistics, and asking it moves nothing.
    np.testing.assert_allclose(answer(program, tf.constant(IMAGE)), expected, rtol=1e-4, atol=1e-4)
    ends = intervals(program, Region.around(IMAGE, 1e-6))[program.result]
    np.testing.assert_allclose(ends.lower, expected, rtol=1e-2, atol=1e-2)
    for one, other in zip(network.get_weights(), after, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_statistics_have_the_gradient_of_the_batch():
    """The gradient of logits in training mode through the program is Keras' own."""
    network = made(keras.layers.BatchNormalization())
    gradients = []
    for function in (
        lambda: network(IMAGE, training=True),
        lambda: answer(training_mode(network, tf.constant(IMAGE))[0], tf.constant(IMAGE)),
    ):
        for layer in network.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(function()))
        gradients.append(tape.gradient(loss, network.trainable_variables))
    # Before a batch norm a bias has none, but for the rounding of large sums.
    largest = max(np.abs(each).max() for each in gradients[0])
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5 * largest)


def test_is_cut_where_all_of_the_image_passes():
    network = made()
    program = read(network)
    value = cut_at(network, "dense1")
    assert program.steps[value].name == "dense1"
    inside = keras.Model(network.input, network.get_layer("flatten").output)(IMAGE)
    np.testing.assert_allclose(
        answer(program, inside, first=value), network(IMAGE), rtol=1e-4, atol=1e-4
    )


def test_refuses_a_cut_beside_which_another_way_leads():
    network = models.get("preact_resnet18", input_shape=(8, 8, 3), num_classes=10)
    names = [layer.name for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    refused(
        lambda: cut_at(network, names[2]),
        rule="through which all of the image passes",
        right="no branch",
        received=names[2],
    )
    refused(
        lambda: cut_at(network, "conv99"),
        rule="a latent stage begins at a layer",
        right=names[0],
        received="conv99",
    )


def test_a_latent_stage_is_refused_before_training():
    network = models.get("digits_mlp", input_shape=(8, 8, 1), num_classes=10)
    stage = {"clean_epochs": 0, "attacked_epochs": 0, "ramp_epochs": 0}
    defense = defenses.get("adv_ibp", epsilon=0.1, latent_layer="conv7", **stage)
    refused(
        lambda: AdversarialTrainer(network, defense),
        rule="a latent stage begins at a layer",
        right="dense1",
        received="conv7",
    )
