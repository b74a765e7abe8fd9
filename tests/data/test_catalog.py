import dataclasses

import numpy as np
import pytest

from fosc_tf import data
from fosc_tf.data import CropFlip, catalog
from tests.data.three_parts import refused


def test_names_are_sorted_and_complete():
    assert catalog.names() == ["cifar10", "cifar100", "digits", "fashion_mnist", "mnist", "svhn"]


@pytest.mark.parametrize(
    ("name", "tfds", "image_shape", "num_classes"),
    [
        ("digits", "", (8, 8, 1), 10),
        ("mnist", "mnist", (28, 28, 1), 10),
        ("fashion_mnist", "fashion_mnist", (28, 28, 1), 10),
        ("cifar10", "cifar10", (32, 32, 3), 10),
        ("cifar100", "cifar100", (32, 32, 3), 100),
        ("svhn", "svhn_cropped", (32, 32, 3), 10),
    ],
)
def test_entries(name, tfds, image_shape, num_classes):
    entry = catalog.get(name)
    assert (entry.tfds, entry.image_shape, entry.num_classes) == (tfds, image_shape, num_classes)
    assert len(entry.classes) in (0, num_classes)
    assert entry.origin
    assert bool(entry.load) != bool(entry.tfds)


def test_entries_agree_with_tensorflow_datasets(tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")
    for entry in map(catalog.get, catalog.names()):
        if entry.tfds:
            features = tfds.builder(entry.tfds, data_dir=tmp_path).info.features
            assert features["image"].shape == entry.image_shape
            assert features["label"].num_classes == entry.num_classes


def test_numerals_are_never_mirrored():
    augment = {name: catalog.get(name).augment for name in catalog.names()}
    assert augment == {
        "cifar10": CropFlip(pad=4, flip=True),
        "cifar100": CropFlip(pad=4, flip=True),
        "svhn": CropFlip(pad=4, flip=False),
        "digits": CropFlip(pad=1, flip=False),
        "fashion_mnist": CropFlip(pad=4, flip=True),
        "mnist": CropFlip(pad=4, flip=False),
    }


def test_an_entry_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        catalog.get("mnist").num_classes = 11


def test_an_unknown_name_lists_all_and_the_nearest():
    error = refused(
        lambda: catalog.get("cifar-10"), rule="data set", right="svhn", received="'cifar-10'"
    )
    assert "nearest: cifar10)" in error.right


@pytest.fixture
def stripes():
    """Registers a data set of two classes: rows against columns."""

    def load():
        image = np.zeros([8, 4, 4, 1], np.uint8)
        image[:4, ::2], image[4:, :, ::2] = 255, 255
        label = np.repeat([0, 1], 4)
        return {"x_train": image, "y_train": label, "x_test": image, "y_test": label}

    catalog.register("stripes", image_shape=(4, 4, 1), num_classes=2, augment=None)(load)
    yield load
    del catalog._SETS._factories["stripes"]


def test_a_set_of_ones_own(stripes):
    arrays = data.load("stripes")
    np.testing.assert_array_equal(arrays.x_train, stripes()["x_train"])
    assert arrays.source == "registered as stripes"
    assert "stripes" in data.names()
    entry = data.get("stripes")
    assert (entry.image_shape, entry.num_classes, entry.augment) == ((4, 4, 1), 2, None)


def test_a_set_of_ones_own_keeps_its_word():
    catalog.register("short", image_shape=(4, 4, 1), num_classes=2)(lambda: {"x_train": 0})
    try:
        refused(
            lambda: data.load("short"),
            rule="the function of data set short must return x_train, y_train, x_test, y_test",
            right="a dict of these four arrays",
            received="without y_train, x_test, y_test",
        )
    finally:
        del catalog._SETS._factories["short"]


@pytest.mark.parametrize(
    ("wrong", "rule", "received"),
    [
        ({"image_shape": (4, 4)}, "must have three axes", "(4, 4)"),
        ({"image_shape": (4, 4, 0)}, "must be a whole number >= 1", "=0"),
        ({"num_classes": 1}, "must be a whole number >= 2", "=1"),
        ({"classes": ("one",)}, "must name each class once or none", "1 name"),
        ({"name": "mnist"}, "each data set has a name of its own", "'mnist'"),
    ],
)
def test_facts_that_make_no_set(wrong, rule, received):
    facts = {"name": "bad", "image_shape": (4, 4, 1), "num_classes": 2} | wrong
    refused(lambda: catalog.register(**facts)(dict), rule=rule, right="", received=received)
