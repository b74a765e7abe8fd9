import hashlib
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.data import CropFlip, test_batches, train_batches
from tests.data.three_parts import refused

N, BATCH, STEPS = 22, 4, 5
IMAGE = np.random.default_rng(0).integers(0, 256, (N, 6, 6, 3), dtype=np.uint8)
LABEL = np.arange(N) % 10


def stream(count=None, **arguments):
    arguments = {
        "batch_size": BATCH,
        "seed": 1,
        "augment": CropFlip(pad=2),
        "epochs": 3,
    } | arguments
    return list(train_batches(IMAGE, LABEL, **arguments).take(count or -1).as_numpy_iterator())


def equal(some, others):
    return len(some) == len(others) and all(
        one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)
        for one, other in zip(some, others, strict=True)
    )


def digest():
    """Returns a fingerprint of two epochs, in hex."""
    result = hashlib.sha256()
    for batch in stream(epochs=2):
        for key in sorted(batch):
            result.update(np.ascontiguousarray(batch[key]).data)
    return result.hexdigest()


def test_element_spec_is_static():
    assert train_batches(
        IMAGE, LABEL, batch_size=BATCH, seed=0, augment=CropFlip(pad=2)
    ).element_spec == {
        "image": tf.TensorSpec((4, 6, 6, 3), tf.float32),
        "label": tf.TensorSpec((4,), tf.int32),
        "id": tf.TensorSpec((4,), tf.int64),
        "crop": tf.TensorSpec((4, 2), tf.int32),
        "flip": tf.TensorSpec((4,), tf.bool),
    }
    plain = train_batches(IMAGE, LABEL, batch_size=BATCH, seed=0, augment=None)
    assert set(plain.element_spec) == {"image", "label", "id"}


def test_each_id_comes_once_an_epoch_and_brings_its_own_image_and_label():
    batches = stream(augment=None, epochs=1)
    ids = np.concatenate([batch["id"] for batch in batches])
    assert len(set(ids)) == len(ids) == STEPS * BATCH
    for batch in batches:
        np.testing.assert_array_equal(batch["image"], IMAGE[batch["id"]] / np.float32(255))
        np.testing.assert_array_equal(batch["label"], LABEL[batch["id"]])


def test_ids_name_the_images_of_a_split():
    names = 1000 + np.arange(N)
    for named, plain in zip(stream(ids=names), stream(), strict=True):
        np.testing.assert_array_equal(named["id"], 1000 + plain["id"])
        np.testing.assert_array_equal(named["image"], plain["image"])


def test_an_image_is_the_view_that_its_parameters_describe():
    augment = CropFlip(pad=2)
    views = []
    for batch in stream():
        pixels = (IMAGE[batch["id"]] / np.float32(255)).astype(np.float32)
        np.testing.assert_array_equal(augment.apply(pixels, batch), batch["image"])
        views.append(batch["crop"].tolist())
    assert len({str(view) for view in views}) == len(views)  # every batch draws anew


def test_streams_are_reproducible_and_depend_on_the_seed():
    assert equal(stream(), stream())
    assert not equal(stream(), stream(seed=2))


def test_the_order_does_not_depend_on_the_augmentation():
    for augmented, plain in zip(stream(), stream(augment=None), strict=True):
        np.testing.assert_array_equal(augmented["id"], plain["id"])


def test_epochs_differ():
    batches = stream()
    first, second = batches[:STEPS], batches[STEPS : 2 * STEPS]
    assert not any(np.array_equal(a["id"], b["id"]) for a, b in zip(first, second, strict=True))
    assert not any(np.array_equal(a["crop"], b["crop"]) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(("epoch", "position"), [(0, 1), (1, 0), (1, 3), (2, 5)])
def test_a_resumed_stream_is_the_rest_of_the_uninterrupted_one(epoch, position):
    rest = stream(start_epoch=epoch, start_position=position)
    assert equal(rest, stream()[epoch * STEPS + position :])


def test_an_endless_stream_begins_like_a_finite_one():
    assert equal(stream(epochs=None, count=3 * STEPS), stream())
    assert len(stream(epochs=None, count=50 * STEPS)) == 50 * STEPS


def test_op_determinism_changes_nothing():
    program = (
        "import tensorflow as tf; tf.config.experimental.enable_op_determinism(); "
        "tf.keras.utils.set_random_seed(5); "
        "from tests.data.test_pipeline import digest; print(digest())"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=pathlib.Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.split()[-1] == digest()


@pytest.mark.parametrize("augment", [None, CropFlip(pad=0, flip=False)])
def test_every_byte_becomes_its_255th_exactly(augment):
    image = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    right = image.astype(np.float32) / np.float32(255)
    batches = train_batches(image, [0], batch_size=1, seed=0, augment=augment, epochs=1)
    np.testing.assert_array_equal(next(iter(batches))["image"], right)
    np.testing.assert_array_equal(next(iter(test_batches(image, [0], batch_size=1)))[0], right)


def test_floats_pass_unchanged():
    image = np.random.default_rng(0).uniform(0, 1, (4, 2, 2, 1)).astype(np.float32)
    (batch,) = train_batches(image, [0, 1, 2, 3], batch_size=4, seed=0, augment=None, epochs=1)
    np.testing.assert_array_equal(batch["image"], image[batch["id"]])


def test_the_test_set_comes_in_order_and_whole():
    dataset = test_batches(IMAGE, LABEL, batch_size=8)
    batches = list(dataset.as_numpy_iterator())
    assert len(dataset) == 3
    assert [len(label) for _, label in batches] == [8, 8, 6]
    image, label = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    np.testing.assert_array_equal(image, IMAGE / np.float32(255))
    np.testing.assert_array_equal(label, LABEL)
    assert (image.dtype, label.dtype) == (np.float32, np.int32)
    assert len(list(test_batches(IMAGE, LABEL, batch_size=100))) == 1


@pytest.mark.parametrize("train", [True, False])
def test_arrays_are_captured_and_not_baked_into_graphs(train):
    image = np.zeros((1000, 32, 32, 3), np.uint8)  # 3 MB
    label = np.zeros(1000, np.int32)
    if train:
        dataset = train_batches(image, label, batch_size=10, seed=0, augment=CropFlip())
    else:
        dataset = test_batches(image, label, batch_size=10)
    variant = tf.data.experimental.to_variant(dataset)
    graph = tf.compat.v1.GraphDef.FromString(
        tf.raw_ops.DatasetToGraphV2(input_dataset=variant).numpy()
    )
    assert len(graph.library.function) > 0
    assert max(function.ByteSize() for function in graph.library.function) < 200_000
    # The captured array itself occurs once, as uint8.
    assert image.nbytes <= graph.ByteSize() < image.nbytes + 500_000


def test_nothing_is_sharded():
    off = tf.data.experimental.AutoShardPolicy.OFF
    for dataset in (
        train_batches(IMAGE, LABEL, batch_size=BATCH, seed=0, augment=None),
        test_batches(IMAGE, LABEL, batch_size=BATCH),
    ):
        assert dataset.options().experimental_distribute.auto_shard_policy == off
        assert dataset.options().deterministic is True


def test_a_change_of_the_array_afterwards_does_not_reach_the_batches():
    image = np.zeros((4, 2, 2, 1), np.uint8)
    dataset = train_batches(image, [0, 1, 2, 3], batch_size=4, seed=0, augment=None, epochs=1)
    image[:] = 255
    assert np.max(next(iter(dataset))["image"]) == 0


@pytest.mark.parametrize("batches", [stream, lambda **a: test_batches(IMAGE, LABEL, **a)])
def test_a_batch_of_no_image_is_refused(batches):
    refused(lambda: batches(batch_size=0), rule="batch_size", right="=1", received="batch_size=0")


def test_wrong_arrays_are_refused():
    def call(image, label, **arguments):
        train_batches(image, label, batch_size=1, seed=0, augment=None, **arguments)

    refused(
        lambda: train_batches(IMAGE, LABEL, batch_size=N + 1, seed=0, augment=None),
        rule="batch_size must not exceed",
        right="at most 22",
        received="batch_size=23",
    )
    for batches in (call, lambda *arrays: test_batches(*arrays, batch_size=1)):
        refused(
            lambda b=batches: b(IMAGE[..., 0], LABEL),
            rule="axes",
            right="[b",
            received="[22, 6, 6]",
        )
        refused(
            lambda b=batches: b(IMAGE, LABEL[1:]), rule="long", right="22", received="21 labels"
        )
        refused(
            lambda b=batches: b(IMAGE, LABEL / 1), rule="integers", right="[b", received="float64"
        )
        refused(
            lambda b=batches: b(IMAGE / 1.0, LABEL), rule="[0, 1]", right="by 255", received="255"
        )
    refused(
        lambda: call(IMAGE, LABEL, ids=np.arange(3)), rule="ids", right="22", received="3 labels"
    )
    refused(
        lambda: call(IMAGE, LABEL, ids=np.ones(N)), rule="ids", right="integers", received="float64"
    )
