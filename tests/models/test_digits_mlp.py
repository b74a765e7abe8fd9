"""The MLP against three matrix products in NumPy."""

import numpy as np

from tests.models.small_networks import images_for, small


def test_forward_pass_is_three_products_with_relus():
    network = small("digits_mlp", seed=3)
    image = images_for(network)
    x = image.reshape(4, 64)
    for name in ("dense1", "dense2"):
        kernel, bias = network.get_layer(name).get_weights()
        x = np.maximum(x @ kernel + bias, 0)
    kernel, bias = network.get_layer("logits").get_weights()
    np.testing.assert_allclose(network(image, training=False), x @ kernel + bias, atol=1e-5)
