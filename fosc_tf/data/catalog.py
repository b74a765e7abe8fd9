"""What each data set is: its shape, its classes, where it comes from, how training augments it.

    get("cifar10").image_shape      # (32, 32, 3)
    names()                         # every name that data.name may take

    @register("stripes", image_shape=(8, 8, 1), num_classes=2)      # in a config file, say
    def stripes():
        return {"x_train": ..., "y_train": ..., "x_test": ..., "y_test": ...}

How many images there are is for the arrays to say: a user's file may hold fewer.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fosc_tf.data.augment import Augmentation, CropFlip
from fosc_tf.errors import UserError
from fosc_tf.number import whole
from fosc_tf.readable import amount
from fosc_tf.registry import Registry

DIGITS_TEST = 360  # the last fifth, as near as a round number comes
Load = Callable[[], Mapping[str, np.ndarray]]
"""Returns the arrays of `KEYS` in `data.npz_file`; see `register`."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """One data set.

    Args:
        name: the name configs use.
        image_shape: (height, width, channels) of one image.
        num_classes: the number of classes; labels run from 0 to num_classes - 1.
        classes: the classes' names in label order, () where the list would be long.
        augment: what training applies where `config.data.augment` is True; None nothing.
        load: returns its arrays; None where TensorFlow Datasets does.
        tfds: its name in TensorFlow Datasets, "" when that is not where it comes from.
        origin: where it comes from, in words for the run record. With `tfds` the address that is
            downloaded from: it is asked for an answer before a download, because without network
            the download itself retries for minutes.

    Raises:
        UserError: a shape without three axes; fewer than two classes; a name missing to a class.
    """

    name: str
    image_shape: tuple[int, int, int]
    num_classes: int
    classes: tuple[str, ...] = ()
    augment: Augmentation | None = CropFlip(pad=4, flip=True)
    load: Load | None = None
    tfds: str = ""
    origin: str = ""

    def __post_init__(self) -> None:
        shape = tuple(self.image_shape)
        if len(shape) != 3:
            raise UserError(
                f"image_shape of {self.name} must have three axes",
                "(height, width, channels)",
                f"image_shape={shape}",
            )
        for size in shape:
            whole(f"image_shape of {self.name}", size, least=1)
        whole(f"num_classes of {self.name}", self.num_classes, least=2)
        if len(self.classes) not in (0, self.num_classes):
            raise UserError(
                f"classes of {self.name} must name each class once or none",
                f"{self.num_classes} names, or ()",
                amount(len(self.classes), "name"),
            )
        object.__setattr__(self, "image_shape", shape)


_NUMERALS = tuple("0123456789")
"""Cropped but never mirrored: a mirrored numeral is none, and a mirrored 2 comes close to a 5."""

_SETS = Registry("data set")
names = _SETS.names


def get(name: str) -> Entry:
    """Returns the entry called `name`; an unknown name raises `UserError`."""
    return _SETS.get(name)


def register(name: str, **facts: Any) -> Callable[[Load], Load]:
    """Returns a decorator that files a data set under `name`, which must be free.

    It takes a function without arguments that returns x_train, y_train, x_test and y_test: images
    [n, height, width, channels], uint8 0..255 or floats in [0, 1], and integer labels [n].

    Args:
        name: what `config.data.name` and `load` call it.
        **facts: `image_shape` and `num_classes`, and what else `Entry` says of a data set.

    Raises:
        UserError: a name that is taken, or facts that make no entry.
    """

    def file(load: Load) -> Load:
        entry = Entry(name=name, load=load, **facts)
        _SETS.register(name)(functools.wraps(load)(lambda: entry))
        return load

    return file


@register(
    "digits",
    image_shape=(8, 8, 1),
    num_classes=10,
    classes=_NUMERALS,
    augment=CropFlip(pad=1, flip=False),
    origin="scikit-learn load_digits",
)
def _digits() -> dict[str, np.ndarray]:
    """Returns scikit-learn's copy of the test half of the UCI handwritten digits."""
    from sklearn.datasets import load_digits  # slow to import, needed here only

    bunch = load_digits()
    image = (bunch.images / 16).astype(np.float32)  # 0..16 over 16: exact in float32
    return {
        "x_train": image[:-DIGITS_TEST],
        "y_train": bunch.target[:-DIGITS_TEST],
        "x_test": image[-DIGITS_TEST:],
        "y_test": bunch.target[-DIGITS_TEST:],
    }


_ENTRIES = (
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

for _entry in _ENTRIES:
    _SETS.register(_entry.name)(functools.partial(lambda entry: entry, _entry))
