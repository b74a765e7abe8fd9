"""Images that networks are asked about."""

import numpy as np

from fosc_tf.probe import SIDE, probe_images


def test_noise_of_the_shape():
    image = probe_images((8, 8, 1))
    assert image.shape == (4, 8, 8, 1)
    assert image.dtype == np.float32
    assert image.min() >= 0
    assert image.max() < 1
    assert len(np.unique(image)) > 200
    np.testing.assert_array_equal(image, probe_images((8, 8, 1)))


def test_a_network_for_images_of_any_size():
    assert probe_images((None, 8, 3)).shape == (4, SIDE, 8, 3)
