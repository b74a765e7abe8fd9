"""The fused batch norm is Keras' batch norm: same outputs, gradients and moving statistics."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.models.batch_norm import FusedBatchNormalization
from tests.models.small_networks import LARGE, SMALL, images_for, small

IMAGE, VECTOR = (6, 5, 4, 3), (6, 3)


def pair(shape, **arguments):
    """Returns our layer and Keras', with the same weights."""
    layers = [
        kind(name="norm", momentum=0.8, **arguments)
        for kind in (FusedBatchNormalization, keras.layers.BatchNormalization)
    ]
    random = np.random.default_rng(0)
    gamma, beta = random.normal(1, 0.5, shape[-1]), random.normal(size=shape[-1])
    for layer in layers:
        layer.build((None, *shape[1:]))
        if layer.scale:
            layer.gamma.assign(gamma)
        if layer.center:
            layer.beta.assign(beta)
    return layers


def step(layer, x, **call):
    weight = tf.constant(np.random.default_rng(2).normal(size=x.shape), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True, **call)
        height = tf.reduce_sum(weight * tf.cast(y, tf.float32) ** 2)
    gradients = tape.gradient(height, [x, *layer.trainable_variables])
    return y, [y, *gradients, layer.moving_mean, layer.moving_variance]


def batch(shape):
    return tf.constant(np.random.default_rng(1).normal(0.3, 2, shape), tf.float32)


def operations(function, *arguments):
    graph = tf.function(function).get_concrete_function(*arguments).graph
    return [operation.type for operation in graph.get_operations()]


def fused(layer, x, **call):
    return "FusedBatchNormV3" in operations(lambda x: layer(x, training=True, **call), x)


@pytest.mark.parametrize("shape", [IMAGE, VECTOR, (1, *IMAGE[1:]), (1, 3)])
def test_a_training_step_is_that_of_keras(shape):
    ours, theirs = pair(shape)
    x = batch(shape)
    assert fused(ours, x)
    for found, expected in zip(step(ours, x)[1], step(theirs, x)[1], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_moving_variance_divides_by_n():
    layer = FusedBatchNormalization(momentum=0.0)
    x = np.array([[1.0], [3.0]], np.float32)
    layer(x, training=True)
    np.testing.assert_allclose(layer.moving_variance, [1.0])  # 2 would be that of n - 1


def test_half_precision_is_normalised_in_single():
    ours, theirs = pair(IMAGE, dtype="mixed_bfloat16")
    x = tf.cast(batch(IMAGE) + 100.0, tf.bfloat16)
    assert fused(ours, x)
    found, expected = step(ours, x), step(theirs, x)
    assert found[0].dtype == expected[0].dtype == tf.bfloat16
    for one, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(tf.cast(one, tf.float32), tf.cast(other, tf.float32), rtol=0.02)


@pytest.mark.parametrize(
    "arguments",
    [{"scale": False}, {"center": False}, {"scale": False, "center": False}],
    ids=str,
)
def test_without_an_affine_part_too(arguments):
    ours, theirs = pair(IMAGE, **arguments)
    assert fused(ours, batch(IMAGE))
    found, expected = (step(layer, batch(IMAGE))[1] for layer in (ours, theirs))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("arguments", [{"axis": 1}, {"renorm": True}], ids=str)
def test_what_the_operation_cannot_do_is_left_to_keras(arguments):
    shape = (6, 3, 3, 3)
    ours, theirs = pair(shape, **arguments)
    assert not fused(ours, batch(shape))
    found, expected = (step(layer, batch(shape))[1] for layer in (ours, theirs))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_mask_is_left_to_keras():
    ours, theirs = pair(IMAGE)
    mask = tf.constant(np.random.default_rng(3).random(IMAGE[:3]) < 0.5)
    found, expected = (step(layer, batch(IMAGE), mask=mask)[1] for layer in (ours, theirs))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_frozen_layer_keeps_its_statistics():
    layer, _ = pair(IMAGE)
    layer.trainable = False
    before = [np.array(weight) for weight in layer.weights]
    layer(batch(IMAGE), training=True)
    for old, new in zip(before, layer.weights, strict=True):
        np.testing.assert_array_equal(old, new)


def test_evaluation_mode_is_that_of_keras():
    ours, theirs = pair(IMAGE)
    np.testing.assert_array_equal(
        ours(batch(IMAGE), training=False), theirs(batch(IMAGE), training=False)
    )


WITHOUT = {"digits_cnn", "digits_mlp", "fc1", "lenet", "mnist_small"}


@pytest.mark.parametrize("name", sorted((SMALL | LARGE).keys() - WITHOUT))
def test_every_batch_norm_of_every_network_is_fused(name):
    network = small(name)
    kinds = [isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers]
    found = operations(lambda x: network(x, training=True), tf.constant(images_for(network)))
    assert found.count("FusedBatchNormV3") == sum(kinds) > 0
