"""Evaluation mode leaves every variable alone; training mode moves the batch-norm statistics."""

import numpy as np
import pytest

from tests.models.small_networks import SMALL, images_for, small


def snapshot(network):
    return [np.array(variable) for variable in network.variables]


@pytest.mark.parametrize("name", sorted(SMALL))
def test_evaluation_mode_leaves_variables_bit_identical(name):
    network = small(name)
    before = snapshot(network)
    network(images_for(network), training=False)
    network.predict(images_for(network, seed=1), verbose=0)
    for old, new in zip(before, snapshot(network), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("name", ["cifar_cnn", "mnist_cnn", "wide_resnet"])
def test_training_mode_moves_moving_statistics_only(name):
    network = small(name)
    before = snapshot(network)
    network(images_for(network), training=True)
    for variable, old, new in zip(network.variables, before, snapshot(network), strict=True):
        assert np.array_equal(old, new) != variable.name.startswith("moving_")


def test_batch_norm_momentum_is_the_share_of_the_old_statistics():
    slow, fast = small("mnist_cnn"), small("mnist_cnn", batch_norm_momentum=0.5)
    for network in (slow, fast):
        network(images_for(network), training=True)
    moved = [np.array(network.get_layer("bn1").moving_mean) for network in (slow, fast)]
    # Moving means start at 0: after one step they are (1 - momentum) of the batch's mean.
    np.testing.assert_allclose(moved[0] / 0.01, moved[1] / 0.5, rtol=1e-4, atol=1e-6)
    assert np.abs(moved[1]).max() > 0
