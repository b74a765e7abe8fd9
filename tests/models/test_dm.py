"""The three networks of table E: parameters counted by hand, from sides counted by hand."""

import keras
import pytest

from fosc_tf import models

MNIST, CIFAR = (28, 28, 1), (32, 32, 3)
COUNTS = {
    # Side 28 -> 14 -> 13, or 32 -> 16 -> 15.
    ("dm_small", MNIST): (
        (4 * 4 * 1 * 16 + 16)
        + (4 * 4 * 16 * 32 + 32)
        + (32 * 13 * 13 * 100 + 100)
        + (100 * 10 + 10)
    ),
    ("dm_small", CIFAR): (
        (4 * 4 * 3 * 16 + 16)
        + (4 * 4 * 16 * 32 + 32)
        + (32 * 15 * 15 * 100 + 100)
        + (100 * 10 + 10)
    ),
    # Side 28 -> 28 -> 14 -> 14 -> 7, or 32 -> 32 -> 16 -> 16 -> 8.
    ("dm_medium", MNIST): (
        (3 * 3 * 1 * 32 + 32)
        + (4 * 4 * 32 * 32 + 32)
        + (3 * 3 * 32 * 64 + 64)
        + (4 * 4 * 64 * 64 + 64)
        + (64 * 7 * 7 * 512 + 512)
        + (512 * 512 + 512)
        + (512 * 10 + 10)
    ),
    ("dm_medium", CIFAR): (
        (3 * 3 * 3 * 32 + 32)
        + (4 * 4 * 32 * 32 + 32)
        + (3 * 3 * 32 * 64 + 64)
        + (4 * 4 * 64 * 64 + 64)
        + (64 * 8 * 8 * 512 + 512)
        + (512 * 512 + 512)
        + (512 * 10 + 10)
    ),
    # Side 28 -> 28 -> 28 -> 14 -> 14 -> 14, or 32 -> 32 -> 32 -> 16 -> 16 -> 16.
    ("dm_large", MNIST): (
        (3 * 3 * 1 * 64 + 64)
        + (3 * 3 * 64 * 64 + 64)
        + (3 * 3 * 64 * 128 + 128)
        + 2 * (3 * 3 * 128 * 128 + 128)
        + (128 * 14 * 14 * 512 + 512)
        + (512 * 10 + 10)
    ),
    ("dm_large", CIFAR): (
        (3 * 3 * 3 * 64 + 64)
        + (3 * 3 * 64 * 64 + 64)
        + (3 * 3 * 64 * 128 + 128)
        + 2 * (3 * 3 * 128 * 128 + 128)
        + (128 * 16 * 16 * 512 + 512)
        + (512 * 10 + 10)
    ),
}


@pytest.mark.parametrize(("name", "shape"), COUNTS)
def test_parameters_are_those_of_the_table(name, shape):
    network = models.get(name, input_shape=shape, num_classes=10)
    assert network.count_params() == COUNTS[name, shape]
    assert network.output_shape == (None, 10)


def test_the_totals():
    assert COUNTS["dm_small", MNIST] == 272 + 8_224 + 540_900 + 1_010 == 550_406
    assert COUNTS["dm_medium", MNIST] == 1_974_762
    assert COUNTS["dm_large", CIFAR] == 17_190_602


def test_batch_norm_adds_four_numbers_a_channel_of_which_two_are_trained():
    network = models.get(
        "dm_small",
        input_shape=MNIST,
        num_classes=10,
        batch_norm=True,
        batch_norm_momentum=0.9,
    )
    channels = 16 + 32 + 100
    assert network.count_params() == COUNTS["dm_small", MNIST] + 4 * channels
    assert sum(v.shape[0] for v in network.non_trainable_variables) == 2 * channels
    norms = [x for x in network.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert [norm.momentum for norm in norms] == [0.9, 0.9, 0.9]


def test_the_image_is_padded_as_by_the_authors():
    network = models.get("dm_small", input_shape=MNIST, num_classes=10)
    assert [layer.name for layer in network.layers] == [
        *("image", "conv1", "relu1"),
        *("padding2", "conv2", "relu2"),
        *("flatten", "dense1", "relu3", "logits"),
    ]
    assert network.get_layer("conv2").output.shape == (None, 13, 13, 32)
