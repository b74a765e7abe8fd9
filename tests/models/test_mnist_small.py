"""The small network of Fast: padded as its source pads, one pixel on every side."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import models
from tests.models.small_networks import images_for, small


@pytest.mark.parametrize("side", [28, 8])
def test_pads_one_pixel_on_every_side(side):
    network = small("mnist_small", input_shape=(side, side, 1))
    x = image = images_for(network)
    for name in ("conv1", "conv2"):
        kernel, bias = network.get_layer(name).get_weights()
        padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
        x = np.maximum(tf.nn.conv2d(padded, kernel, 2, "VALID") + bias, 0)
    assert x.shape == (4, side // 4, side // 4, 32)
    x = x.reshape(4, -1)
    kernel, bias = network.get_layer("dense1").get_weights()
    x = np.maximum(x @ kernel + bias, 0)
    kernel, bias = network.get_layer("logits").get_weights()
    np.testing.assert_allclose(network(image), x @ kernel + bias, atol=1e-5)


def test_it_is_the_cnn_of_the_thesis():
    # conv 16 of 4x4, conv 32 of 4x4, both of stride 2 and padding 1, dense 100: side 32 -> 16 -> 8.
    network = models.get(
        "mnist_small", input_shape=(32, 32, 3), num_classes=10, activation="sigmoid"
    )
    assert network.count_params() == (
        (4 * 4 * 3 * 16 + 16) + (4 * 4 * 16 * 32 + 32) + (32 * 8 * 8 * 100 + 100) + (100 * 10 + 10)
    )
    kinds = [layer.name for layer in network.layers if "sigmoid" in layer.name]
    assert kinds == ["sigmoid1", "sigmoid2", "sigmoid3"]
