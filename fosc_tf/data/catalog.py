"""What each data set is: its shape, its classes, where it comes from, how training augments it.

    get("cifar10").image_shape      # (32, 32, 3)
    names()                         # every name that data.name may take

How many images there are is for the arrays to say: a user's file may hold fewer.
"""

from __future__ import annotations

import dataclasses

from fosc_tf.data.augment import CropFlip
from fosc_tf.errors import unknown_name


@dataclasses.dataclass(frozen=True)
class Entry:
    """One data set.

    Args:
        name: the name configs use.
        tfds: its name in TensorFlow Datasets, "" when that is not where it comes from.
        image_shape: (height, width, channels) of one image.
        num_classes: the number of classes; labels run from 0 to num_classes - 1.
        classes: the classes' names in label order, () where the list would be long.
        augment: what training applies where `config.data.augment` is True.
        origin: the address that TensorFlow Datasets downloads from; asked for an answer before
            a download, because without network the download itself retries for minutes.
    """

    name: str
    tfds: str
    image_shape: tuple[int, int, int]
    num_classes: int
    classes: tuple[str, ...] = ()
    augment: CropFlip = CropFlip(pad=4, flip=True)
    origin: str = ""


_NUMERALS = tuple("0123456789")
"""Cropped but never mirrored: a mirrored numeral is none, and a mirrored 2 comes close to a 5."""

_ENTRIES = (
    # scikit-learn's copy of the test half of the UCI handwritten digits, values 0..16.
    Entry(
        name="digits",
        tfds="",
        image_shape=(8, 8, 1),
        num_classes=10,
        classes=_NUMERALS,
        augment=CropFlip(pad=1, flip=False),
    ),
    Entry(
        name="mnist",
        tfds="mnist",
        image_shape=(28, 28, 1),
        num_classes=10,
        classes=_NUMERALS,
        augment=CropFlip(pad=4, flip=False),
        origin="https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    Entry(
        name="fashion_mnist",
        tfds="fashion_mnist",
        image_shape=(28, 28, 1),
        num_classes=10,
        classes=(
            "t-shirt",
            "trouser",
            "pullover",
            "dress",
            "coat",
            "sandal",
            "shirt",
            "sneaker",
            "bag",
            "ankle boot",
        ),
        origin="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    Entry(
        name="cifar10",
        tfds="cifar10",
        image_shape=(32, 32, 3),
        num_classes=10,
        classes=(
            "airplane",
            "automobile",
            "bird",
            "cat",
            "deer",
            "dog",
            "frog",
            "horse",
            "ship",
            "truck",
        ),
        origin="https://www.cs.toronto.edu/~kriz/",
    ),
    Entry(
        name="cifar100",
        tfds="cifar100",
        image_shape=(32, 32, 3),
        num_classes=100,
        origin="https://www.cs.toronto.edu/~kriz/",
    ),
    Entry(
        name="svhn",
        tfds="svhn_cropped",
        image_shape=(32, 32, 3),
        num_classes=10,
        classes=_NUMERALS,
        augment=CropFlip(pad=4, flip=False),
        origin="http://ufldl.stanford.edu/housenumbers/",
    ),
)

_BY_NAME = {entry.name: entry for entry in _ENTRIES}


def names() -> list[str]:
    """Returns the names of all data sets, sorted."""
    return sorted(_BY_NAME)


def get(name: str) -> Entry:
    """Returns the entry called `name`; an unknown name raises `UserError`."""
    if name not in _BY_NAME:
        raise unknown_name("data set", name, _BY_NAME)
    return _BY_NAME[name]
