"""Extra images: a share of each batch, in an order of their own, each with its label and id."""

import numpy as np
import pytest

from fosc_tf import data
from fosc_tf.data import CropFlip, Part, train_batches
from fosc_tf.data.mixed import spread
from tests.data.three_parts import refused

N, MORE, SIZE = 20, 7, 8
RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.integers(0, 256, (N + MORE, 6, 6, 1), dtype=np.uint8)
LABEL = np.arange(N + MORE) % 3
EXTRA = Part(IMAGE[N:], LABEL[N:], np.arange(N, N + MORE))


def stream(**arguments):
    settings = {"batch_size": SIZE, "seed": 1, "augment": None, "epochs": 3, "extra": EXTRA}
    settings |= {"extra_share": 0.25} | arguments
    return list(train_batches(IMAGE[:N], LABEL[:N], **settings).as_numpy_iterator())


def test_each_batch_holds_the_share_and_each_image_its_own_label_and_id():
    batches = stream()
    assert len(batches) == 3 * (N // 6)
    for batch in batches:
        assert (batch["id"] >= N).sum() == 2
        np.testing.assert_array_equal(batch["image"] * 255, IMAGE[batch["id"]])
        np.testing.assert_array_equal(batch["label"], LABEL[batch["id"]])
    extra = np.concatenate([batch["id"][batch["id"] >= N] for batch in batches])
    # Three batches of two make an epoch of the extra images, of which one is left out.
    for epoch in np.split(extra, 3):
        assert len(set(epoch)) == 6
    assert set(extra) <= set(range(N, N + MORE))
    own = np.concatenate([batch["id"][batch["id"] < N] for batch in batches])
    assert all(len(set(epoch)) == 18 for epoch in np.split(own, 3))


@pytest.mark.parametrize(("epoch", "position"), [(0, 1), (1, 0), (2, 2)])
def test_a_stream_may_start_anywhere(epoch, position):
    augment = CropFlip(pad=1)
    whole = stream(augment=augment)
    rest = stream(augment=augment, start_epoch=epoch, start_position=position)
    assert len(rest) == len(whole) - epoch * 3 - position
    for one, other in zip(rest, whole[epoch * 3 + position :], strict=True):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])


def test_bytes_and_numbers_go_together():
    floats = Part((EXTRA.image / 255.0).astype("float32"), EXTRA.label, EXTRA.ids)
    for one, other in zip(stream(), stream(extra=floats), strict=True):
        np.testing.assert_allclose(one["image"], other["image"], atol=1e-7)


@pytest.mark.parametrize(("size", "extra"), [(8, 2), (8, 7), (128, 64), (10, 3), (6, 0)])
def test_replicas_see_as_many_of_both(size, extra):
    places = spread(size, extra)
    assert sorted(places) == list(range(size))
    marked = places >= size - extra
    halves = marked[: size // 2].sum(), marked[size // 2 :].sum()
    assert abs(int(halves[0]) - int(halves[1])) <= 1


def write(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_extra_images_come_from_a_file(tmp_path):
    image = RANDOM.uniform(size=(5, 8, 8)).astype("float32")
    path = write(tmp_path / "more.npz", x_train=image, y_train=np.arange(5)[:, None])
    extra = data.load_extra("digits", path, first_id=1437)
    assert extra.image.shape == (5, 8, 8, 1)
    assert extra.label.tolist() == [0, 1, 2, 3, 4]
    assert extra.ids.tolist() == [1437, 1438, 1439, 1440, 1441]


TWO = np.zeros([2, 8, 8, 1], "f4")


@pytest.mark.parametrize(
    ("arrays", "rule", "received"),
    [
        ({"x_train": np.zeros([2, 9, 9, 1]), "y_train": [0, 1]}, "images of digits", "9, 9"),
        ({"x_train": TWO, "y_train": [0, 10]}, "range", "from 0 to 10"),
        ({"x_train": TWO}, "must hold x_train, y_train", "without y_train"),
        ({"x_train": TWO, "y_train": [0]}, "", "1"),
    ],
)
def test_files_that_do_not_fit(arrays, rule, received, tmp_path):
    path = write(tmp_path / "more.npz", **arrays)
    refused(
        lambda: data.load_extra("digits", path, first_id=0), rule=rule, right="", received=received
    )


def test_a_file_that_is_not_there(tmp_path):
    refused(
        lambda: data.load_extra("digits", tmp_path / "none.npz", first_id=0),
        rule="data.extra must name a file",
        right="y_train",
        received="none.npz",
    )


@pytest.mark.parametrize("share", [0.01, 0.99, 0.0, 1.0, "half"])
def test_a_share_leaves_images_of_both_kinds(share):
    refused(lambda: stream(extra_share=share), rule="", right="extra_share", received="share=")
