"""Activations by name: known ones compute what they say, unknown ones are refused."""

import keras
import numpy as np
import pytest

from fosc_tf.errors import UserError
from fosc_tf.models.activation import activation_layer

X = np.array([[-1.0, 0.0, 2.0]], np.float32)
EXPECTED = {
    "relu": [[0, 0, 2]],
    "sigmoid": 1 / (1 + np.exp(-X)),
    "tanh": np.tanh(X),
}


@pytest.mark.parametrize("kind", EXPECTED)
def test_computes_what_it_is_called(kind):
    layer = activation_layer(kind, index=3)
    assert layer.name == f"{kind}3"
    np.testing.assert_allclose(layer(X), EXPECTED[kind], rtol=1e-5)


def test_relu_is_a_layer_of_its_own():
    assert type(activation_layer("relu", index=1)) is keras.layers.ReLU


@pytest.mark.parametrize("kind", ["rely", "", None, ["relu"]])
def test_an_unknown_one_is_refused(kind):
    with pytest.raises(UserError, match="the activation must be a known one") as error:
        activation_layer(kind, index=1)
    assert error.value.right.startswith("one of relu, sigmoid, tanh (nearest: ")
    assert error.value.received == f"activation={kind!r}"
