"""Standardisation sits inside the network and is (x - mean) / std to the bit."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.models.standardization import standardization
from tests.models.small_networks import images_for, small

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


def in_numpy(image, mean, std):
    return (image - np.float32(mean)) / np.float32(std)


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        (MEAN, STD),
        ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        # A variance of 1e-10 is below Keras' epsilon of 1e-7: a floor on it would show.
        ((0.5, 0.1, 0.9), (1e-5, 2e-4, 0.3)),
    ],
)
def test_layer_equals_numpy_to_the_bit(mean, std):
    image = np.random.default_rng(0).uniform(size=(2, 16, 16, 3)).astype("float32")
    layer = standardization(mean=mean, std=std, channels=3)
    np.testing.assert_array_equal(layer(image), in_numpy(image, mean, std))


def test_layer_is_exact_for_many_deviations():
    stds = np.random.default_rng(1).uniform(1e-3, 1, size=1000)
    image = np.random.default_rng(2).uniform(size=(1, 2, 2, 1000)).astype("float32")
    layer = standardization(mean=[0.5] * 1000, std=stds, channels=1000)
    np.testing.assert_array_equal(layer(image), in_numpy(image, 0.5, stds))


def test_layer_serves_compiled_functions_to_the_bit():
    image = np.random.default_rng(0).uniform(size=(2, 8, 8, 3)).astype("float32")
    layer = standardization(mean=MEAN, std=STD, channels=3)
    for jit_compile in (False, True):
        compiled = tf.function(lambda batch: layer(batch), jit_compile=jit_compile)
        result = compiled(tf.constant(image))
        np.testing.assert_array_equal(result, in_numpy(image, MEAN, STD))


@pytest.mark.parametrize("name", ["cifar_cnn", "wide_resnet"])
def test_network_standardises_its_own_input(name):
    plain, own = small(name), small(name, mean=MEAN, std=STD)
    image = images_for(plain)
    expected = plain(in_numpy(image, MEAN, STD), training=False)
    np.testing.assert_array_equal(own(image, training=False), expected)
    assert np.abs(own(image, training=False) - plain(image, training=False)).max() > 1e-3


def test_no_standardisation_is_the_default():
    kinds = {type(layer) for layer in small("mnist_cnn").layers}
    assert keras.layers.Normalization not in kinds


def test_standardisation_adds_no_variables():
    assert len(small("cifar_cnn", mean=MEAN, std=STD).variables) == len(
        small("cifar_cnn").variables
    )


def test_half_precision_does_not_round_pixels():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        layer = standardization(mean=MEAN, std=STD, channels=3)
        image = np.random.default_rng(0).uniform(size=(1, 8, 8, 3)).astype("float32")
        np.testing.assert_array_equal(layer(image), in_numpy(image, MEAN, STD))
    finally:
        keras.config.set_dtype_policy(policy)


@pytest.mark.parametrize(
    ("mean", "std"),
    [
        (MEAN, None),
        (None, STD),
        (MEAN[:2], STD),
        (MEAN, STD[:2]),
        (0.5, 0.5),
        ((125.3, 123.0, 113.9), (63.0, 62.1, 66.7)),
        (MEAN, (0.2, 0.0, 0.2)),
        (MEAN, (0.2, 1e-8, 0.2)),
        ((-0.1, 0.5, 0.5), STD),
        ((float("nan"), 0.5, 0.5), STD),
        ("abc", STD),
    ],
)
def test_wrong_mean_or_std_is_refused(mean, std):
    with pytest.raises(UserError, match="mean and std go together") as error:
        small("cifar_cnn", mean=mean, std=std)
    assert repr(mean) in error.value.received
    assert error.value.right == "mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25)"
