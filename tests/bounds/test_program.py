"""Networks as bounds read them: every architecture of the house, at its own logits."""

import keras
import numpy as np
import pytest

from fosc_tf import bounds
from fosc_tf.bounds.program import read
from fosc_tf.errors import UserError
from tests.models.small_networks import LARGE, SMALL, images_for, small

L = keras.layers


@pytest.mark.parametrize("name", SMALL)
def test_architectures_are_known_to_the_logit(name):
    network = small(name, seed=1)
    for weight in network.weights:
        if "variance" in weight.path:
            weight.assign(weight * 2.0)
    image = images_for(network)
    lower, upper = bounds.interval(network, image, epsilon=0.0)
    logits = network(image, training=False).numpy()
    np.testing.assert_allclose(lower, logits, atol=1e-5)
    np.testing.assert_allclose(upper, logits, atol=1e-5)


@pytest.mark.parametrize("name", ["preact_resnet18", "resnet50"])
def test_large_ones_are_read_too(name):
    assert name in LARGE
    program = read(small(name))
    assert program.shapes[program.result] == (10,)


def test_a_program_is_read_once_until_layers_come_or_go():
    network = keras.Sequential([keras.Input((4, 4, 1)), L.Flatten(), L.Dense(3)])
    program = read(network)
    assert read(network) is program
    network.add(L.Dense(2))
    assert len(read(network).steps) == len(program.steps) + 1


def test_a_layer_in_half_precision_is_refused():
    layers = [keras.Input((4, 4, 1)), L.Flatten(), L.Dense(3, dtype="mixed_bfloat16")]
    with pytest.raises(UserError, match="computes in float32"):
        read(keras.Sequential(layers))
