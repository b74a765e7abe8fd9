"""The ten networks of table F: parameters counted by hand, from sides counted by hand."""

import pytest

from fosc_tf import models
from fosc_tf.models.table_f import TABLE_F


def dense(inputs, hidden):
    return (inputs * hidden + hidden) + (hidden * 10 + 10)


MNIST = {
    # Side 28 -> 13 -> 11.
    "a": (3 * 3 * 1 * 8 + 8) + (3 * 3 * 8 * 16 + 16) + dense(11 * 11 * 16, 100),
    "b": (3 * 3 * 1 * 16 + 16) + (3 * 3 * 16 * 32 + 32) + dense(11 * 11 * 32, 100),
    "c": (3 * 3 * 1 * 32 + 32) + (3 * 3 * 32 * 64 + 64) + dense(11 * 11 * 64, 100),
    # Side 28 -> 14 -> 13.
    "d": (4 * 4 * 1 * 8 + 8) + (4 * 4 * 8 * 16 + 16) + dense(13 * 13 * 16, 512),
    "e": (4 * 4 * 1 * 16 + 16) + (4 * 4 * 16 * 32 + 32) + dense(13 * 13 * 32, 512),
    "f": (4 * 4 * 1 * 32 + 32) + (4 * 4 * 32 * 64 + 64) + dense(13 * 13 * 64, 512),
    # Side 28 -> 13 -> 11 -> 9 -> 7.
    "g": (3 * 3 * 1 * 8 + 8)
    + (3 * 3 * 8 * 16 + 16)
    + (3 * 3 * 16 * 32 + 32)
    + (3 * 3 * 32 * 64 + 64)
    + dense(7 * 7 * 64, 512),
    "h": (3 * 3 * 1 * 16 + 16)
    + (3 * 3 * 16 * 32 + 32)
    + (3 * 3 * 32 * 64 + 64)
    + (3 * 3 * 64 * 128 + 128)
    + dense(7 * 7 * 128, 512),
    # Side 28 -> 28 -> 14 -> 14 -> 7.
    "i": (3 * 3 * 1 * 8 + 8)
    + (4 * 4 * 8 * 8 + 8)
    + (3 * 3 * 8 * 16 + 16)
    + (4 * 4 * 16 * 16 + 16)
    + dense(7 * 7 * 16, 512),
    "j": (3 * 3 * 1 * 16 + 16)
    + (4 * 4 * 16 * 16 + 16)
    + (3 * 3 * 16 * 32 + 32)
    + (4 * 4 * 32 * 32 + 32)
    + dense(7 * 7 * 32, 512),
}
CIFAR = {
    # Side 32 -> 15 -> 13.
    "a": (3 * 3 * 3 * 8 + 8) + (3 * 3 * 8 * 16 + 16) + dense(13 * 13 * 16, 100),
    "b": (3 * 3 * 3 * 16 + 16) + (3 * 3 * 16 * 32 + 32) + dense(13 * 13 * 32, 100),
    "c": (3 * 3 * 3 * 32 + 32) + (3 * 3 * 32 * 64 + 64) + dense(13 * 13 * 64, 100),
    # Side 32 -> 16 -> 15.
    "d": (4 * 4 * 3 * 8 + 8) + (4 * 4 * 8 * 16 + 16) + dense(15 * 15 * 16, 512),
    "e": (4 * 4 * 3 * 16 + 16) + (4 * 4 * 16 * 32 + 32) + dense(15 * 15 * 32, 512),
    "f": (4 * 4 * 3 * 32 + 32) + (4 * 4 * 32 * 64 + 64) + dense(15 * 15 * 64, 512),
    # Side 32 -> 15 -> 13 -> 11 -> 9.
    "g": (3 * 3 * 3 * 8 + 8)
    + (3 * 3 * 8 * 16 + 16)
    + (3 * 3 * 16 * 32 + 32)
    + (3 * 3 * 32 * 64 + 64)
    + dense(9 * 9 * 64, 512),
}


def network(letter, shape):
    return models.get(f"table_f_{letter}", input_shape=shape, num_classes=10)


@pytest.mark.parametrize("letter", TABLE_F)
def test_parameters_on_mnist(letter):
    found = network(letter, (28, 28, 1))
    assert found.count_params() == MNIST[letter]
    assert (found.name, found.output_shape) == (f"table_f_{letter}", (None, 10))


@pytest.mark.parametrize("letter", CIFAR)
def test_parameters_on_cifar(letter):
    assert network(letter, (32, 32, 3)).count_params() == CIFAR[letter]


def test_batch_norm_adds_four_numbers_a_channel():
    found = models.get(
        "table_f_g", input_shape=(28, 28, 1), num_classes=10, batch_norm=True
    ).count_params()
    assert found == MNIST["g"] + 4 * (8 + 16 + 32 + 64 + 512)


def test_the_docstring_says_the_layers():
    text = models.factory("table_f_d").__wrapped__.__doc__
    assert text.startswith("conv 4x4 8 of stride 2, conv 4x4 16, dense 512, logits.\n")
    assert "network D;" in text
