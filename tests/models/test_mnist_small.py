"""The small network of Fast: padded as its source pads, one pixel on every side."""

import numpy as np
import pytest
import tensorflow as tf

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
