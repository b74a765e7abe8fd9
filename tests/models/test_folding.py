"""A folded network is the same function: whatever is folded, and whatever must not be."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from fosc_tf import models
from fosc_tf.models import folding
from fosc_tf.models.folding import folded
from fosc_tf.models.graph import walk

SHAPE = (8, 8, 3)


def settled(network, seed=0):
    """Gives every batch norm statistics and weights of its own, as after training."""
    random = np.random.default_rng(seed)
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            width = layer.moving_mean.shape
            layer.moving_mean.assign(random.normal(size=width))
            layer.moving_variance.assign(random.uniform(0.1, 3.0, width))
            if layer.scale:
                layer.gamma.assign(random.normal(1.0, 0.5, width))
            if layer.center:
                layer.beta.assign(random.normal(size=width))
        if getattr(layer, "use_bias", False):
            layer.bias.assign(random.normal(size=layer.bias.shape))
    return network


def image_for(network, batch=5):
    shape = (batch, *network.input_shape[1:])
    return tf.constant(np.random.default_rng(1).random(shape), tf.float32)


def same(network, tolerance=2e-5):
    image = image_for(network)
    expected = network(image, training=False)
    found = folded(network)(image, training=False)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def number_folded(network):
    return sum(
        isinstance(layer, layers.BatchNormalization)
        for layer in folding._replacements(walk(network))
    )


def stacked(*middle, shape=SHAPE):
    image = x = keras.Input(shape)
    for layer in middle:
        x = layer(x)
    return settled(keras.Model(image, layers.Dense(4)(layers.Flatten()(x))))


@pytest.mark.parametrize(
    ("name", "shape", "batch_norms"),
    [
        ("mnist_cnn", (28, 28, 1), 2),
        ("cifar_cnn", (32, 32, 3), 7),
        ("preact_resnet18", (32, 32, 3), 8),
        ("resnet50", (32, 32, 3), 53),
        ("digits_cnn", (8, 8, 1), 0),
    ],
)
def test_the_project_s_networks(name, shape, batch_norms):
    network = settled(models.get(name, input_shape=shape, num_classes=10))
    assert number_folded(network) == batch_norms
    image = image_for(network, 2)
    expected = network(image, training=False)
    found = folded(network)(image)
    # Relative to the largest: fifty layers with large weights amplify what rounding does.
    np.testing.assert_allclose(found, expected, atol=1e-4 * float(tf.reduce_max(tf.abs(expected))))


@pytest.mark.parametrize(
    "middle",
    {
        "without bias": [layers.Conv2D(5, 3, use_bias=False), layers.BatchNormalization()],
        "without scale": [layers.Conv2D(5, 3), layers.BatchNormalization(scale=False)],
        "without center": [layers.Conv2D(5, 3), layers.BatchNormalization(center=False)],
        "strides": [layers.Conv2D(5, 3, strides=2, padding="same"), layers.BatchNormalization()],
        "dilation": [layers.Conv2D(5, 3, dilation_rate=2), layers.BatchNormalization()],
        "groups": [layers.Conv2D(6, 3, groups=3), layers.BatchNormalization()],
        "epsilon": [layers.Conv2D(5, 3), layers.BatchNormalization(epsilon=0.5)],
        "dense": [layers.Dense(5), layers.BatchNormalization()],
        "named axis": [layers.Dense(5), layers.BatchNormalization(axis=3)],
    }.values(),
)
def test_a_batch_norm_goes_into_the_layer_before_it(middle):
    network = stacked(*middle)
    assert number_folded(network) == 1
    same(network)


def test_gradients_are_the_same():
    network = stacked(
        layers.Conv2D(6, 3), layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(2)
    )
    image, found = image_for(network), {}
    for name, function in (("plain", network), ("folded", folded(network))):
        with tf.GradientTape() as tape:
            tape.watch(image)
            logits = function(image, training=False)
        found[name] = tape.gradient(logits, image)
    np.testing.assert_allclose(found["folded"], found["plain"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("relu", [layers.ReLU(), layers.Activation("relu")])
def test_pooling_before_a_relu_is_equal_to_the_bit(relu):
    # Whole numbers: many ties and zeros within a window.
    network = stacked(
        layers.Dense(4), relu, layers.MaxPooling2D(2, padding="same"), shape=(7, 7, 2)
    )
    kernel = network.layers[1].kernel
    kernel.assign(tf.round(3 * kernel))
    network.layers[1].bias.assign([0.0, -1.0, 1.0, 2.0])
    assert len(folding._replacements(walk(network))) == 2
    image, found = tf.round(4 * image_for(network, 64) - 2), []
    for function in (network, folded(network)):
        with tf.GradientTape() as tape:
            tape.watch(image)
            logits = function(image, training=False)
        found.append((logits, tape.gradient(logits, image)))
    np.testing.assert_array_equal(*(logits for logits, _ in found))
    np.testing.assert_array_equal(*(gradient for _, gradient in found))


class OwnConvolution(layers.Conv2D):
    """May do anything in its call."""

    def call(self, inputs):
        return 2.0 * super().call(inputs)


def read_twice():
    image = keras.Input(SHAPE)
    x = layers.Conv2D(3, 3, padding="same")(image)
    return keras.Model(image, layers.Flatten()(x + layers.BatchNormalization()(x)))


def used_twice():
    image = keras.Input(SHAPE)
    layer, norm = layers.Conv2D(3, 3, padding="same"), layers.BatchNormalization()
    return keras.Model(image, layers.Flatten()(norm(layer(norm(layer(image))))))


def of_both_kinds():
    image = keras.Input(SHAPE)
    x = layers.Conv2D(3, 3)(image)
    return keras.Model(image, [layers.BatchNormalization()(x), x])


@pytest.mark.parametrize(
    "make",
    [
        read_twice,
        used_twice,
        lambda: stacked(layers.Conv2D(5, 3, activation="relu"), layers.BatchNormalization()),
        lambda: stacked(OwnConvolution(5, 3), layers.BatchNormalization()),
        lambda: stacked(layers.Conv2D(5, 3), layers.BatchNormalization(axis=1)),
        lambda: stacked(layers.Conv2D(5, 3), layers.ReLU(), layers.BatchNormalization()),
        lambda: stacked(layers.Conv2D(5, 3), layers.ReLU(max_value=0.5), layers.MaxPooling2D()),
        lambda: stacked(layers.Conv2D(5, 3), layers.LeakyReLU(), layers.MaxPooling2D()),
        lambda: stacked(layers.Dropout(0.5), layers.GaussianNoise(1.0)),
        lambda: stacked(keras.Sequential([layers.Conv2D(5, 3), layers.BatchNormalization()])),
    ],
)
def test_anything_else_is_called_as_it_is(make):
    network = settled(make())
    assert not folding._replacements(walk(network))
    same(network)


def test_a_result_that_is_also_read_is_not_folded():
    assert not folding._replacements(walk(of_both_kinds()))


def test_half_precision_is_not_folded():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = stacked(layers.Conv2D(5, 3), layers.BatchNormalization())
    finally:
        keras.config.set_dtype_policy(before)
    assert number_folded(network) == 0
    same(network)


class OwnModel(keras.Model):
    """Built from a graph, and then does something else."""

    def call(self, inputs, training=False):
        return -super().call(inputs, training=training)


def test_models_with_a_call_of_their_own_are_themselves():
    plain = stacked(layers.Conv2D(5, 3), layers.BatchNormalization())
    own = OwnModel(plain.inputs, plain.outputs)
    assert folded(own) is own
    function = tf.function(lambda image, training: image)
    assert folded(function) is function


def test_a_list_of_one_output_is_that_output():
    plain = stacked(layers.Conv2D(5, 3), layers.BatchNormalization())
    listed = keras.Model(plain.inputs, plain.outputs)
    assert number_folded(listed) == 1
    same(listed)


def test_sequential_models_are_folded():
    network = keras.Sequential(
        [keras.Input(SHAPE), layers.Conv2D(5, 3), layers.BatchNormalization(), layers.Flatten()]
    )
    settled(network)
    same(network)
    assert folded(network) is not network


def test_weights_are_read_at_each_call_and_the_network_stays_as_it_was():
    network = stacked(layers.Conv2D(5, 3), layers.BatchNormalization())
    function = folded(network)
    before = [weight.numpy() for weight in network.weights]
    same(network)
    for weight, value in zip(network.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)
    # A layer that had been called anew would have several outputs, and Keras refuses to choose.
    assert network.layers[1].output.shape == (None, 6, 6, 5)
    settled(network, seed=7)
    image = image_for(network)
    expected = network(image, training=False)
    np.testing.assert_allclose(function(image), expected, rtol=2e-5, atol=2e-5)


def test_a_network_whose_images_keras_reshapes_is_left_alone():
    image = keras.Input((8, 8))
    network = keras.Model(image, layers.Dense(3)(layers.Flatten()(layers.Conv1D(4, 3)(image))))
    images = tf.ones([2, 8, 8, 1])
    np.testing.assert_allclose(folded(network)(images), network(images))
