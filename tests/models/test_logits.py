"""What every network promises: float32 logits of images, from plain named layers."""

import keras
import numpy as np
import pytest

from fosc_tf import models
from fosc_tf.models.batch_norm import FusedBatchNormalization
from tests.models.small_networks import LARGE, SMALL, images_for, small

PLAIN = (
    keras.layers.InputLayer,
    keras.layers.Normalization,
    keras.layers.ZeroPadding2D,
    keras.layers.Conv2D,
    FusedBatchNormalization,
    keras.layers.ReLU,
    keras.layers.MaxPooling2D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.Flatten,
    keras.layers.Dense,
    keras.layers.Add,
)


def test_no_name_is_left_untested():
    assert models.names() == sorted(SMALL | LARGE)


@pytest.mark.parametrize("name", sorted(SMALL | LARGE))
def test_network_gives_logits_from_plain_layers(name):
    network = small(name)
    # Not softmax: nothing bounds these, and their rows do not sum to one.
    logits = np.asarray(network(images_for(network), training=False))
    assert logits.shape == (4, 10)
    assert logits.dtype == np.float32
    assert logits.min() < 0
    assert np.all(np.abs(logits.sum(axis=1) - 1) > 1e-3)
    # Bounds read the network layer by layer: each kind must be known, with no fused activation.
    for layer in network.layers:
        assert type(layer) in PLAIN
        assert getattr(layer, "activation", None) in (None, keras.activations.linear)


@pytest.mark.parametrize("name", sorted(SMALL))
def test_logits_stay_float32_under_mixed_precision(name):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        channels = SMALL[name]["input_shape"][-1]
        network = small(name, mean=(0.5,) * channels, std=(0.25,) * channels)
    finally:
        keras.config.set_dtype_policy(policy)
    kernels = [layer for layer in network.layers if layer.name in ("conv1", "dense1", "stem_conv")]
    assert all(layer.compute_dtype == "float16" for layer in kernels)
    assert kernels
    assert network.get_layer("standardization").compute_dtype == "float32"
    assert np.asarray(network(images_for(network), training=False)).dtype == np.float32


def test_layers_carry_readable_names():
    assert [layer.name for layer in small("mnist_cnn", mean=(0.5,), std=(0.5,)).layers] == [
        *("image", "standardization"),
        *("conv1", "bn1", "relu1", "pool1"),
        *("conv2", "bn2", "relu2", "pool2"),
        *("flatten", "dense1", "relu3", "logits"),
    ]


def test_batch_norm_has_keras_constants_unless_told():
    default = small("cifar_cnn").get_layer("bn1")
    assert (default.momentum, default.epsilon) == (0.99, 1e-3)
    for name in ("mnist_cnn", "cifar_cnn", "wide_resnet"):
        norms = [
            layer
            for layer in small(name, batch_norm_momentum=0.9).layers
            if isinstance(layer, keras.layers.BatchNormalization)
        ]
        assert norms
        assert all(layer.momentum == 0.9 for layer in norms)
