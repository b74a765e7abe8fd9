"""How the residual networks are wired: where shortcuts start, and that identities stay identities.

Counts of parameters cannot see any of this.
"""

import keras
import numpy as np

from tests.models.small_networks import images_for, small


def values(network, names, image):
    """Runs `network` in evaluation mode up to the layers called `names`."""
    outputs = [network.get_layer(name).output for name in names]
    found = keras.Model(network.input, outputs)(image, training=False)
    return [np.asarray(value) for value in found]


def silence(layer):
    layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])


def test_preact_block_without_its_residual_is_the_identity():
    network = small("wide_resnet", depth=16)
    silence(network.get_layer("stage1_block1_conv2"))
    silence(network.get_layer("stage2_block2_conv2"))
    names = ("stem_conv", "stage1_block1_add", "stage2_block1_add", "stage2_block2_add")
    stem, first, second, third = values(network, names, images_for(network))
    np.testing.assert_array_equal(first, stem)
    np.testing.assert_array_equal(third, second)
    assert stem.min() < 0  # no activation on the way


def test_preact_projection_takes_the_activated_input():
    network = small("wide_resnet")
    for stage in (2, 3):
        activated = network.get_layer(f"stage{stage}_block1_relu1").output
        assert network.get_layer(f"stage{stage}_block1_projection").input is activated
        assert network.get_layer(f"stage{stage}_block1_conv1").input is activated


def test_preact_body_ends_in_batch_norm_relu_and_average():
    network = small("wide_resnet")
    names = ("stage3_block1_add", "average", "logits")
    last, average, logits = values(network, names, images_for(network))
    # Fresh moving statistics are mean 0 and variance 1; Keras' epsilon is 1e-3.
    expected = np.maximum(last / np.sqrt(1 + 1e-3), 0).mean(axis=(1, 2))
    np.testing.assert_allclose(average, expected, rtol=1e-5, atol=1e-6)
    kernel, bias = network.get_layer("logits").get_weights()
    np.testing.assert_allclose(logits, expected @ kernel + bias, rtol=1e-4, atol=1e-5)


def test_wide_resnet_halves_the_image_twice():
    network = small("wide_resnet", input_shape=(32, 32, 3))
    assert network.get_layer("stage1_block1_add").output.shape == (None, 32, 32, 16)
    assert network.get_layer("stage2_block1_add").output.shape == (None, 16, 16, 32)
    assert network.get_layer("stage3_block1_add").output.shape == (None, 8, 8, 64)


def test_preact_resnet18_halves_the_image_three_times():
    network = small("preact_resnet18", input_shape=(32, 32, 3))
    shapes = [network.get_layer(f"stage{n}_block2_add").output.shape[1:] for n in (1, 2, 3, 4)]
    assert shapes == [(32, 32, 64), (16, 16, 128), (8, 8, 256), (4, 4, 512)]


def test_bottleneck_without_its_residual_is_a_relu_of_its_input():
    network = small("resnet50", input_shape=(32, 32, 3))
    silence(network.get_layer("stage1_block2_conv3"))
    names = ("stage1_block1_relu3", "stage1_block2_relu3", "stage4_block3_relu3")
    first, second, last = values(network, names, images_for(network, batch=1))
    np.testing.assert_array_equal(second, first)
    assert first.shape == (1, 32, 32, 256)
    assert last.shape == (1, 4, 4, 2048)
    assert first.min() == 0  # the activation follows the sum
