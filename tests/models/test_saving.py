"""A saved network is the network: same layers, same bits."""

import keras
import numpy as np
import pytest

from tests.models.small_networks import SMALL, images_for, small


@pytest.mark.parametrize("name", sorted(SMALL))
def test_keras_file_round_trip(name, tmp_path):
    channels = SMALL[name]["input_shape"][-1]
    network = small(name, seed=2, mean=(0.3,) * channels, std=(0.2,) * channels)
    image = images_for(network)
    # Moves the batch-norm statistics off their start, so that losing them would show.
    network(image, training=True)
    expected = np.array(network(image, training=False))

    network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")

    assert loaded is not network
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in network.layers]
    assert len(loaded.variables) == len(network.variables)
    for old, new in zip(network.variables, loaded.variables, strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(loaded(image, training=False), expected)
