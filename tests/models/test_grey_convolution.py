"""The convolution over one channel is TensorFlow's own, and so are its derivatives."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import models
from fosc_tf.models import folding
from fosc_tf.models.folding import folded
from fosc_tf.models.grey_convolution import grey_convolution


def plain(image, kernel):
    return tf.nn.conv2d(image, kernel, 1, "SAME")


def derivatives(convolution, image, kernel):
    """Returns the gradients of the sum of squares, and those of the first one's sum of squares."""
    with tf.GradientTape() as outer:
        outer.watch((image, kernel))
        with tf.GradientTape() as inner:
            inner.watch((image, kernel))
            height = tf.reduce_sum(convolution(image, kernel) ** 2)
        gradients = inner.gradient(height, (image, kernel))
        slope = tf.reduce_sum(gradients[0] ** 2)
    return [*gradients, *outer.gradient(slope, (image, kernel))]


def test_each_pixel_gets_its_upstream_times_the_tap_that_read_it():
    kernel = tf.reshape(tf.range(1.0, 10.0), [3, 3, 1, 1])  # 1 2 3 / 4 5 6 / 7 8 9
    image = tf.zeros([1, 3, 4, 1])
    with tf.GradientTape() as tape:
        tape.watch(image)
        one_place = grey_convolution(image, kernel)[0, 0, 1, 0]
    expected = [[4, 5, 6, 0], [7, 8, 9, 0], [0, 0, 0, 0]]  # the row above lies outside
    np.testing.assert_array_equal(tape.gradient(one_place, image)[0, ..., 0], expected)


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (5, 3), (3, 7)])
@pytest.mark.parametrize("shape", [(2, 6, 9), (3, 1, 4)])
def test_equals_tensorflow_s_with_first_and_second_derivatives(size, shape):
    random = np.random.default_rng(0)
    image = tf.constant(random.normal(size=(*shape, 1)), tf.float32)
    kernel = tf.constant(random.normal(size=(*size, 1, 4)), tf.float32)
    np.testing.assert_array_equal(grey_convolution(image, kernel), plain(image, kernel))
    expected = derivatives(plain, image, kernel)
    found = derivatives(grey_convolution, image, kernel)
    for one, other in zip(found, expected, strict=True):
        scale = float(tf.reduce_max(tf.abs(other)))
        np.testing.assert_allclose(one, other, atol=1e-5 * max(scale, 1.0))


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (5, 3), (3, 7)])
def test_an_empty_batch_has_a_gradient_of_none(size):
    image, kernel = tf.zeros([0, 5, 5, 1]), tf.ones([*size, 1, 4])
    with tf.GradientTape() as tape:
        tape.watch((image, kernel))
        height = tf.reduce_sum(grey_convolution(image, kernel))
    of_image, of_kernel = tape.gradient(height, (image, kernel))
    assert of_image.shape == image.shape
    np.testing.assert_array_equal(of_kernel, np.zeros(kernel.shape))


def test_gradient_of_a_network_is_the_same():
    network = models.get("mnist_cnn", input_shape=(28, 28, 1), num_classes=10)
    image = tf.constant(np.random.default_rng(0).random((4, 28, 28, 1)), tf.float32)
    gradients = []
    for function in (network, folded(network)):
        with tf.GradientTape() as tape:
            tape.watch(image)
            loss = tf.reduce_sum(tf.nn.log_softmax(function(image, training=False))[:, 0])
        gradients.append(tape.gradient(loss, image).numpy())
    assert np.abs(gradients[0]).max() > 1e-3
    np.testing.assert_allclose(gradients[1], gradients[0], atol=1e-6)


@pytest.mark.parametrize(
    ("channels", "options", "grey"),
    [
        (1, {}, True),
        (1, {"kernel_size": (3, 5)}, True),
        (3, {}, False),
        (1, {"strides": 2}, False),
        (1, {"dilation_rate": 2}, False),
        (1, {"padding": "valid"}, False),
        (1, {"kernel_size": 2}, False),
    ],
)
def test_which_convolutions_take_it(channels, options, grey):
    layer = keras.layers.Conv2D(2, **{"kernel_size": 3, "padding": "same"} | options)
    layer(keras.Input((8, 8, channels)))
    assert folding._is_grey(layer) is grey
    assert (folding._convolution(layer) is grey_convolution) is grey


def test_networks_share_a_graph():
    image, kernel = tf.ones([2, 6, 7, 1]), tf.ones([3, 3, 1, 5])
    graphs = set()
    for _ in range(3):

        @tf.function(autograph=False)
        def function(image, kernel):
            return grey_convolution(image, kernel)

        definitions = function.get_concrete_function(image, kernel).graph.as_graph_def().library
        graphs.add(tuple(sorted(each.signature.name for each in definitions.function)))
    assert len(graphs) == 1
    assert "convolution" in str(graphs)
