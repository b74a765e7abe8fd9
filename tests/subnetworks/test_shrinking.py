"""Networks without empty channels: the same logits, what was planted gone, the rest untouched."""

import keras
import numpy as np
import pytest

from fosc_tf import models
from fosc_tf.subnetworks import masked, plain, without_empty_channels
from tests.data.three_parts import refused

IMAGE = np.random.default_rng(0).uniform(size=(5, 8, 8, 1)).astype("float32")


def alike(network, smaller, image=IMAGE):
    before, after = (each(image, training=False).numpy() for each in (network, smaller))
    np.testing.assert_allclose(after, before, atol=1e-5 * max(1.0, np.abs(before).max()))


def used(network, seed=0):
    """Gives batch norms statistics and scales of their own."""
    random = np.random.default_rng(seed)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights(
                [random.uniform(0.5, 1.5, each.shape) for each in layer.get_weights()]
            )
    return network


@pytest.mark.parametrize("name", ["digits_cnn", "mnist_small", "digits_mlp", "fc1"])
def test_a_masked_network_is_smaller_and_the_same(name):
    network = masked(models.get(name, input_shape=(8, 8, 1), num_classes=10), rate=0.99, gamma=0.5)
    smaller = without_empty_channels(network)
    alike(network, smaller)
    frozen = sum(
        int(np.prod(each.values.shape)) for each in network.layers if hasattr(each, "mask")
    )
    kernels = [each.kernel for each in smaller.layers if hasattr(each, "kernel")]
    assert sum(int(np.prod(each.shape)) for each in kernels) < frozen


def test_nothing_goes_where_all_is_used():
    network = used(models.get("mnist_cnn", input_shape=(8, 8, 1), num_classes=10))
    smaller = without_empty_channels(network)
    assert smaller.count_params() == network.count_params()
    alike(network, smaller)


def planted():
    """Of three convolutions with batch norms, 8 channels each."""
    image = x = keras.Input((8, 8, 1))
    for name in ("a", "b"):
        x = keras.layers.Conv2D(8, 3, padding="same", use_bias=False, name=name)(x)
        x = keras.layers.BatchNormalization(name=f"bn_{name}")(x)
        x = keras.layers.ReLU(name=f"relu_{name}")(x)
    x = keras.layers.Flatten()(keras.layers.MaxPooling2D()(x))
    network = used(keras.Model(image, keras.layers.Dense(3, name="logits")(x)))
    for name in ("bn_a", "bn_b"):
        layer = network.get_layer(name)
        layer.beta.assign(layer.gamma * layer.moving_mean / np.sqrt(layer.moving_variance + 1e-3))
    return network


def zeroed(layer, places, axis):
    kernel = layer.kernel.numpy()
    kernel[(*[slice(None)] * (kernel.ndim + axis), places)[: kernel.ndim]] = 0
    layer.kernel.assign(kernel)


def test_channels_that_are_never_read_go_and_what_wrote_them():
    network = planted()
    kernel = network.get_layer("logits").kernel.numpy().reshape(16, 8, 3)
    kernel[:, [1, 4]] = 0  # of b's channels
    network.get_layer("logits").kernel.assign(kernel.reshape(-1, 3))
    kernel = network.get_layer("b").kernel.numpy()
    kernel[:, :, 5, [0, 2, 3, 5, 6, 7]] = 0  # a's channel 5 is read by what goes alone
    network.get_layer("b").kernel.assign(kernel)
    smaller = without_empty_channels(network)
    assert smaller.get_layer("a").kernel.shape == (3, 3, 1, 7)
    assert smaller.get_layer("b").kernel.shape == (3, 3, 7, 6)
    assert smaller.get_layer("logits").kernel.shape == (16 * 6, 3)
    alike(network, smaller)


@pytest.mark.parametrize("beta", [0.0, 0.5, -0.5])
def test_channels_that_are_never_written_go_if_they_are_zero(beta):
    network = planted()
    kernel = network.get_layer("a").kernel.numpy()
    kernel[..., 2] = 0
    network.get_layer("a").kernel.assign(kernel)
    norm = network.get_layer("bn_a")
    for variable, value in ((norm.beta, beta), (norm.moving_mean, 0.0)):
        values = variable.numpy()
        values[2] = value
        variable.assign(values)
    smaller = without_empty_channels(network)
    assert smaller.get_layer("a").kernel.shape[-1] == (8 if beta else 7)
    alike(network, smaller)


def test_what_is_added_keeps_what_either_writes():
    image = x = keras.Input((8, 8, 1))
    convolution = {"kernel_size": 3, "padding": "same", "use_bias": False}
    first = keras.layers.Conv2D(6, name="first", **convolution)(x)
    second = keras.layers.Conv2D(6, name="second", **convolution)(first)
    x = keras.layers.Add()([first, second])
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    network = keras.Model(image, keras.layers.Dense(3, name="logits")(x))
    for name, places in (("first", [0, 1]), ("second", [1, 2])):
        kernel = network.get_layer(name).kernel.numpy()
        kernel[..., places] = 0
        network.get_layer(name).kernel.assign(kernel)
    smaller = without_empty_channels(network)
    assert smaller.get_layer("second").kernel.shape == (3, 3, 5, 5)
    alike(network, smaller)


def test_a_residual_network_of_the_house():
    network = models.get("resnet34", input_shape=(8, 8, 3), num_classes=10, width=0.1)
    network = masked(network, rate=0.98)
    image = np.random.default_rng(1).uniform(size=(4, 8, 8, 3)).astype("float32")
    smaller = without_empty_channels(network)
    alike(network, smaller, image)
    assert smaller.count_params() < plain(network).count_params()


def test_nothing_at_all_is_left_with_one_channel():
    network = planted()
    for name in ("a", "b", "logits"):
        layer = network.get_layer(name)
        layer.kernel.assign(layer.kernel * 0)
    smaller = without_empty_channels(network)
    assert smaller.get_layer("b").kernel.shape == (3, 3, 1, 1)
    alike(network, smaller)


def test_refused():
    image = keras.Input((8, 8, 2))
    x = keras.layers.DepthwiseConv2D(3, name="depthwise")(image)
    network = keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    refused(
        lambda: without_empty_channels(network),
        rule="which channels they read",
        right="Conv2D",
        received="depthwise",
    )
