"""The stack pads as told on every side, whatever the side, and computes its layers in order."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import models
from fosc_tf.errors import UserError
from fosc_tf.models.layers import Layers
from fosc_tf.models.stack import Convolution, smallest_side, stack
from tests.models.small_networks import images_for


def stacked(side, *convolutions, dense=(3,), **arguments):
    image = keras.Input((side, side, 2))
    x = stack(Layers(seed=0), image, convolutions=convolutions, dense=dense, **arguments)
    return keras.Model(image, x)


def names(network):
    return [layer.name for layer in network.layers[1:]]


def in_numpy(network, image, convolutions):
    """The features, padded by hand."""
    x = image
    for index, (_, _, strides, padding) in enumerate(convolutions, start=1):
        kernel, bias = network.get_layer(f"conv{index}").get_weights()
        padded = np.pad(x, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
        x = np.maximum(tf.nn.conv2d(padded, kernel, strides, "VALID") + bias, 0)
    x = x.reshape(len(x), -1)
    kernel, bias = network.get_layer("dense1").get_weights()
    return np.maximum(x @ kernel + bias, 0)


@pytest.mark.parametrize("side", [8, 9])
@pytest.mark.parametrize(
    ("size", "strides", "padding"),
    [(3, 1, 0), (3, 1, 1), (3, 2, 0), (3, 2, 1), (4, 1, 1), (4, 2, 1), (4, 2, 0), (2, 2, 0)],
)
def test_pads_as_told_on_every_side(side, size, strides, padding):
    convolutions = (Convolution(3, size, strides, padding), Convolution(4, 3, 1, 1))
    network = stacked(side, *convolutions)
    left = (side + 2 * padding - size) // strides + 1
    assert network.get_layer("conv1").output.shape == (None, left, left, 3)
    image = images_for(network)
    np.testing.assert_allclose(network(image), in_numpy(network, image, convolutions), atol=1e-5)


def test_zeros_are_a_layer_only_where_same_is_not_the_same():
    middle = ["relu1", "flatten", "dense1", "relu2"]
    for side, convolution in ((8, (1, 4, 2, 1)), (9, (1, 3, 1, 1)), (9, (1, 3, 2, 0))):
        assert names(stacked(side, Convolution(*convolution))) == ["conv1", *middle]
    for side, convolution in ((9, (1, 4, 2, 1)), (8, (1, 4, 1, 1)), (8, (1, 3, 2, 1))):
        assert names(stacked(side, Convolution(*convolution))) == ["padding1", "conv1", *middle]


def test_batch_norm_stands_before_every_activation():
    network = stacked(8, Convolution(2, 3, 1, 1), dense=(4, 3), activation="tanh", batch_norm=True)
    assert names(network) == [
        *("conv1", "bn1", "tanh1"),
        *("flatten", "dense1", "bn2", "tanh2"),
        *("dense2", "bn3", "tanh3"),
    ]


@pytest.mark.parametrize("batch_norm", ["no", 1, None])
def test_a_batch_norm_that_is_no_flag_is_refused(batch_norm):
    with pytest.raises(UserError, match="batch_norm must be True or False"):
        stacked(8, batch_norm=batch_norm)


def test_smallest_side_leaves_one_pixel():
    convolutions = [Convolution(1, 3, 2, 0), Convolution(1, 4, 1, 1), Convolution(1, 3, 1, 0)]
    # From the end: 1 <- 3 <- 4 <- 9.
    assert smallest_side(convolutions) == 9
    assert stacked(9, *convolutions).get_layer("conv3").output.shape == (None, 1, 1, 1)
    assert smallest_side([]) == smallest_side([Convolution(1, 3, 2, 1)]) == 1


NAMES = ("dm_small", "table_f_a", "cnn7", "fc1", "mnist_small")


@pytest.mark.parametrize("name", NAMES)
def test_activation_is_every_activation_of_the_network(name):
    shape = {"input_shape": (8, 8, 1), "num_classes": 10}
    network = models.get(name, **shape, activation="sigmoid")
    kinds = [layer for layer in network.layers if isinstance(layer, keras.layers.Activation)]
    assert [layer.name for layer in kinds] == [f"sigmoid{i + 1}" for i in range(len(kinds))]
    assert kinds
    assert not any(isinstance(layer, keras.layers.ReLU) for layer in network.layers)
    with pytest.raises(UserError, match="the activation must be a known one") as error:
        models.get(name, **shape, activation="rely")
    assert error.value.right == "one of relu, sigmoid, tanh (nearest: relu)"
    assert error.value.received == "activation='rely'"


def test_the_seed_is_all_that_the_weights_depend_on():
    one, same, other = (
        models.get("table_f_a", input_shape=(8, 8, 1), num_classes=10, seed=seed)
        for seed in (1, 1, 2)
    )
    for name in ("conv1", "conv2", "dense1", "logits"):
        first, again, another = (np.array(x.get_layer(name).kernel) for x in (one, same, other))
        np.testing.assert_array_equal(first, again)
        assert np.mean(first == another) < 0.01
