"""Scalars as they were logged, and a picture whose pixels say what was done to each image."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from fosc_tf.attacks import presets
from fosc_tf.callbacks import TensorBoard
from fosc_tf.show.panel import image_panel
from tests import tensorboard_events
from tests.callbacks.stand_in import linear, stand_in

IMAGE = np.float32([[[0.5, 0.5], [0.5, 0.5]], [[0.25, 0.5], [0.75, 1.0]]])[..., None]
LABEL = np.int32([0, 2])


def written(folder, images=2, epochs=2):
    writer = tf.summary.create_file_writer(str(folder))
    attack, network = presets.get("fgsm", epsilon=0.1), linear()
    callback = TensorBoard(writer, network, IMAGE[:images], LABEL[:images], attack, 0.1)
    callback.set_model(stand_in(network, learning_rate=tf.constant(0.01)))
    for epoch in range(epochs):
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {"loss": 1.5 - epoch, "held_out_robust": 0.25})
    # Written already: a run that is killed now has lost nothing.
    return tensorboard_events.read(folder)


def test_scalars_of_each_epoch(tmp_path):
    found = written(tmp_path)
    for name, expected in (
        ("loss", [1.5, 0.5]),
        ("held_out_robust", [0.25, 0.25]),
        ("learning_rate", [0.01, 0.01]),
    ):
        kind, values = found[name]
        assert kind == "scalars"
        assert list(values) == [0, 1]
        assert [float(value) for value in values.values()] == pytest.approx(expected)


def test_picture_of_each_epoch(tmp_path):
    kind, panels = written(tmp_path)["clean, adversarial, difference"]
    assert kind == "images"
    width, height, png, *_ = panels[1]
    # Images of 2x2 are enlarged 32 times: two beside each other, three rows.
    assert (int(width), int(height)) == (128, 192)
    pixels = np.asarray(Image.open(io.BytesIO(png))).reshape(6, 32, 4, 32)
    assert (pixels == pixels[:, :1, :, :1]).all()
    pixels = pixels[:, 0, :, 0]
    # The kernel's rows rise with the class, so attacking class 0 raises every pixel and attacking
    # class 2 lowers it.
    expected = np.concatenate(
        [
            np.concatenate([IMAGE[0], IMAGE[1]], axis=1),
            np.concatenate([IMAGE[0] + 0.1, IMAGE[1] - 0.1], axis=1),
            np.concatenate([np.ones([2, 2, 1]), np.zeros([2, 2, 1])], axis=1),
        ]
    )[..., 0]
    np.testing.assert_allclose(pixels / 255, expected, atol=1 / 255)


def test_no_picture_without_images(tmp_path):
    assert "clean, adversarial, difference" not in written(tmp_path, images=0)


def test_difference_is_grey_where_nothing_changed_and_clipped_beyond_epsilon():
    image = np.full([1, 64, 64, 1], 0.5, np.float32)
    changed = image.copy()
    changed[0, 0, 0, 0] += 0.3
    changed[0, 0, 1, 0] += 0.05
    panel = image_panel(image, changed, epsilon=0.1)
    assert panel.shape == (192, 64, 1)
    assert panel[128, :3, 0] == pytest.approx([1.0, 0.75, 0.5])
    # Images of 64 and more are not enlarged.
    np.testing.assert_array_equal(panel[:64], image[0])
