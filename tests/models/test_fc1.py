"""FC1 against two matrix products in NumPy; its parameters counted by hand."""

import numpy as np
import pytest

from fosc_tf import models
from tests.models.small_networks import images_for

FUNCTIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
}


def test_parameters_on_mnist():
    network = models.get("fc1", input_shape=(28, 28, 1), num_classes=10)
    assert network.count_params() == (28 * 28 * 1024 + 1024) + (1024 * 10 + 10) == 814_090
    assert network.output_shape == (None, 10)


@pytest.mark.parametrize("activation", FUNCTIONS)
def test_forward_pass_is_two_products_with_the_activation(activation):
    network = models.get("fc1", input_shape=(8, 8, 1), num_classes=10, activation=activation)
    image = images_for(network)
    (first, offset), (last, bias) = (
        network.get_layer(name).get_weights() for name in ("dense1", "logits")
    )
    hidden = FUNCTIONS[activation](image.reshape(4, 64) @ first + offset)
    np.testing.assert_allclose(network(image, training=False), hidden @ last + bias, atol=1e-5)
