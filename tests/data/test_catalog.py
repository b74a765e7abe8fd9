import dataclasses

import pytest

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
    assert bool(entry.origin) == bool(entry.tfds)


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
