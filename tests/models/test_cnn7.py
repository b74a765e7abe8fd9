"""CNN7: parameters counted by hand, and the large network that it is without batch norm."""

import numpy as np
import pytest

from fosc_tf import models
from fosc_tf.errors import UserError
from tests.models.small_networks import images_for


def test_parameters_on_cifar():
    network = models.get("cnn7", input_shape=(32, 32, 3), num_classes=10)
    # Side 32 -> 32 -> 32 -> 16 -> 16 -> 16.
    layers = (
        (3 * 3 * 3 * 64 + 64)
        + (3 * 3 * 64 * 64 + 64)
        + (3 * 3 * 64 * 128 + 128)
        + 2 * (3 * 3 * 128 * 128 + 128)
        + (128 * 16 * 16 * 512 + 512)
        + (512 * 10 + 10)
    )
    channels = 64 + 64 + 128 + 128 + 128 + 512
    assert network.count_params() == layers + 4 * channels == 17_194_698
    assert sum(v.shape[0] for v in network.non_trainable_variables) == 2 * channels
    assert network.output_shape == (None, 10)


def test_width_is_that_of_the_first_two_convolutions():
    network = models.get("cnn7", input_shape=(28, 28, 1), num_classes=10, width=4)
    # Side 28 -> 28 -> 28 -> 14 -> 14 -> 14.
    layers = (
        (3 * 3 * 1 * 4 + 4)
        + (3 * 3 * 4 * 4 + 4)
        + (3 * 3 * 4 * 8 + 8)
        + 2 * (3 * 3 * 8 * 8 + 8)
        + (8 * 14 * 14 * 512 + 512)
        + (512 * 10 + 10)
    )
    assert network.count_params() == layers + 4 * (4 + 4 + 8 + 8 + 8 + 512)


def test_batch_norm_and_relu_follow_every_hidden_layer():
    network = models.get("cnn7", input_shape=(8, 8, 1), num_classes=10, width=2)
    assert [layer.name for layer in network.layers] == [
        *("image", "conv1", "bn1", "relu1", "conv2", "bn2", "relu2"),
        *("padding3", "conv3", "bn3", "relu3"),
        *("conv4", "bn4", "relu4", "conv5", "bn5", "relu5"),
        *("flatten", "dense1", "bn6", "relu6", "logits"),
    ]


def test_without_batch_norm_it_is_dm_large():
    shape = {"input_shape": (8, 8, 1), "num_classes": 10}
    large = models.get("dm_large", **shape)
    cnn7 = models.get("cnn7", **shape, batch_norm=False)
    image = images_for(large)
    np.testing.assert_array_equal(cnn7(image), large(image))


@pytest.mark.parametrize("width", [0, -1, 1.5, True, "64", None])
def test_a_width_that_is_no_count_is_refused(width):
    with pytest.raises(UserError, match="^width must be a whole number >= 1") as error:
        models.get("cnn7", input_shape=(8, 8, 1), num_classes=10, width=width)
    assert error.value.received == f"width={width!r}"
