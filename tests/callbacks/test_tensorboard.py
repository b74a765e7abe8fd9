"""Scalars as they were logged, and a picture whose pixels say what was done to each image."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from fosc_tf.attacks import presets
from fosc_tf.callbacks import TensorBoard
from fosc_tf.show import panel
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
        assert list(values) == [1, 2]
        assert [float(value) for value in values.values()] == pytest.approx(expected)


def test_tensorboard_says_what_a_scalar_means(tmp_path):
    written(tmp_path, epochs=1)
    events = EventAccumulator(str(tmp_path)).Reload()
    meant = {
        name: events.SummaryMetadata(name).summary_description
        for name in ("held_out_robust", "learning_rate")
    }
    assert meant == {
        "held_out_robust": "share of the held-out images that are right, without and with attack",
        "learning_rate": "at the first update of the epoch",
    }


def test_picture_of_each_epoch(tmp_path):
    kind, panels = written(tmp_path)["clean, adversarial, difference"]
    assert kind == "images"
    width, height, png, *_ = panels[1]
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("L")) / 255
    assert pixels.shape == (int(height), int(width))
    # Images of 2x2 are enlarged 32 times. The kernel's rows rise with the class, so attacking
    # class 0 raises every pixel and attacking class 2 lowers it.
    for row, images in enumerate(
        ([IMAGE[0], IMAGE[1]], [IMAGE[0] + 0.1, IMAGE[1] - 0.1], np.float32([1.0, 0.0]))
    ):
        for column, expected in enumerate(images):
            seen = pixels[place(row, column)].reshape(2, 32, 2, 32)
            assert (seen == seen[:, :1, :, :1]).all()
            np.testing.assert_allclose(
                seen[:, 0, :, 0], np.broadcast_to(expected, [2, 2, 1])[..., 0], atol=1 / 255
            )


def place(row, column):
    """Returns where an image of 64 x 64 stands on the panel: below the classes, apart."""
    top = panel.LINE + row * (64 + panel.LINE + panel.GAP)
    left = panel.MARGIN + column * (64 + panel.GAP)
    return slice(top, top + 64), slice(left, left + 64)


def drawn(clean, taken, **options):
    image = np.full([2, 64, 64, 1], 0.5, np.float32)
    predicted = {"clean": np.array(clean), "taken": np.array(taken)}
    return panel.named_panel(image, image, 0.1, label=np.array([3, 1]), **predicted, **options)


def differing(one, other):
    """Returns the rows and columns of pixels in which two panels differ."""
    where = np.nonzero((one != other).any(-1))
    return (where[0].min(), where[0].max()), (where[1].min(), where[1].max())


def test_classes_and_predictions_are_written_between_the_images():
    known = drawn([3, 1], [3, 1])
    # Another prediction for the second adversarial image changes what stands below it, no more.
    rows, columns = differing(known, drawn([3, 1], [3, 7]))
    below, across = place(1, 1)
    assert below.stop <= rows[0] < rows[1] < place(2, 1)[0].start
    assert across.start <= columns[0] < columns[1] < across.stop
    rows, _ = differing(known, drawn([8, 1], [3, 1]))
    assert place(0, 0)[0].stop <= rows[0] < rows[1] < place(1, 0)[0].start
    # Names too long for their image are cut.
    names = [str(n) for n in range(10)]
    names[3] = "a name that is far too long"
    _, columns = differing(known, drawn([3, 1], [3, 1], classes=names))
    assert columns[1] < place(0, 0)[1].stop


def test_what_is_wrong_is_orange():
    def orange(taken):
        seen = drawn([3, 1], taken).astype(int)
        return int((seen[..., 0] - seen[..., 1] > 40).sum())

    assert orange([3, 1]) == 0
    assert 0 < orange([3, 7]) < orange([8, 7])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_images_of_any_channels_are_drawn(channels):
    image = np.random.default_rng(0).random([1, 64, 64, channels], np.float32)
    number = np.array([0])
    seen = panel.named_panel(image, image, 0.1, label=number, clean=number, taken=number)
    expected = image[0] if channels == 3 else image[0].mean(-1, keepdims=True)
    np.testing.assert_allclose(
        seen[place(0, 0)] / 255, np.broadcast_to(expected, [64, 64, 3]), atol=1 / 255
    )


def test_no_picture_without_images(tmp_path):
    assert "clean, adversarial, difference" not in written(tmp_path, images=0)


def test_difference_is_grey_where_nothing_changed_and_clipped_beyond_epsilon():
    image = np.full([1, 64, 64, 1], 0.5, np.float32)
    changed = image.copy()
    changed[0, 0, 0, 0] += 0.3
    changed[0, 0, 1, 0] += 0.05
    found = image_panel(image, changed, epsilon=0.1)
    assert found.shape == (192, 64, 1)
    assert found[128, :3, 0] == pytest.approx([1.0, 0.75, 0.5])
    # Images of 64 and more are not enlarged.
    np.testing.assert_array_equal(found[:64], image[0])
