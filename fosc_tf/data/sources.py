"""Where arrays come from: an .npz file, a data set's own function, or TensorFlow Datasets.

    arrays = load("mnist", npz="mnist.npz")     # the file Keras itself downloads
    arrays = load("digits")                     # embedded in scikit-learn, no download
    arrays = load("cifar10", dir="~/tensorflow_datasets")
    arrays.x_train                              # uint8 [50000, 32, 32, 3]

The first source that applies is the only one tried: a broken file is never passed over in
silence.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
import urllib.error
import urllib.request

import numpy as np

from fosc_tf.data import catalog
from fosc_tf.data.checks import check_images, check_labels, check_lengths
from fosc_tf.data.npz_file import KEYS, in_words, read_npz
from fosc_tf.errors import UserError

PROBE_SECONDS = 5.0


@dataclasses.dataclass(frozen=True, eq=False)
class Arrays:
    """A whole data set in memory.

    Args:
        x_train: [n, height, width, channels], uint8 0..255 or float32 in [0, 1].
        y_train: int32 [n], 0 to num_classes - 1.
        x_test: as x_train.
        y_test: as y_train.
        source: where the arrays were read, in words for the run record.
        sha256: fingerprint of the four arrays: names, dtypes, shapes and contents, in hex.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    source: str
    sha256: str


def load(name: str, *, npz: str | os.PathLike = "", dir: str | os.PathLike = "") -> Arrays:
    """Loads a data set from the first source that applies.

    1. `npz`, when given: the keys of Keras' own files. Images [n, height, width] gain a channel
       axis and labels [n, 1] lose theirs; uint8 stays uint8, floats must lie in [0, 1] already.
    2. What the function it is registered with returns: digits, from scikit-learn, is such a set,
       of float32 multiples of 1/16.
    3. TensorFlow Datasets in `dir` ("" is its own default folder). What is prepared there is
       used without network; else it is downloaded.

    Args:
        name: a name of the catalog.
        npz: a file, or "".
        dir: a folder, or "".

    Raises:
        UserError: for an unknown name, for arrays that are not what the catalog says, and, with
            both ways out, when there are no data and no network.
    """
    entry = catalog.get(name)
    if npz:
        source = f"npz {npz}"
        path = pathlib.Path(npz).expanduser()
        arrays = read_npz(path, lambda zeros: _laid_out(zeros, entry, source))
    elif entry.load:
        arrays, source = _from_function(entry), entry.origin or f"registered as {name}"
    else:
        arrays, source = _from_tfds(entry, str(dir))
    arrays = _checked(arrays, entry, source)
    digest = hashlib.sha256()
    for key in KEYS:
        digest.update(f"{key} {arrays[key].dtype.str} {arrays[key].shape}".encode())
        digest.update(arrays[key].data)
    return Arrays(**arrays, source=source, sha256=digest.hexdigest())


def read_training(name: str, npz: str | os.PathLike, *, field: str) -> tuple[np.ndarray, ...]:
    """Returns images and labels of the classes of a data set, from a file without a test set.

    Args:
        name: of the data set.
        npz: a file with x_train and y_train.
        field: what messages call the file.

    Raises:
        UserError: as `load`.
    """
    entry, source = catalog.get(name), f"{field}={npz}"
    path = pathlib.Path(npz).expanduser()
    keys = KEYS[:2]
    arrays = read_npz(path, lambda zeros: _laid_out(zeros, entry, source), keys=keys, field=field)
    return tuple(_checked(arrays, entry, source)[key] for key in keys)


def _checked(
    arrays: dict[str, np.ndarray], entry: catalog.Entry, source: str
) -> dict[str, np.ndarray]:
    """Returns contiguous arrays in the layout of `Arrays`, or raises `UserError`."""
    result = {}
    for key, array in _laid_out(arrays, entry, source).items():
        dtype = np.int32
        if key.startswith("x"):
            check_images(array, name=f"{key} of {source}", uint8=True)
            dtype = np.uint8 if array.dtype == np.uint8 else np.float32
        else:
            check_labels(array, entry.num_classes, name=f"{key} of {source}")
        result[key] = np.ascontiguousarray(array, dtype)
    return result


def _laid_out(
    arrays: dict[str, np.ndarray], entry: catalog.Entry, source: str
) -> dict[str, np.ndarray]:
    """Returns views with the axes of `Arrays`; raises `UserError` for shapes, not for values."""
    result = {}
    for part in [key[2:] for key in arrays if key.startswith("x_")]:
        image, label = np.asarray(arrays[f"x_{part}"]), np.asarray(arrays[f"y_{part}"])
        received = list(image.shape)
        if image.ndim == 3:
            image = image[..., None]  # [n, height, width] -> [n, height, width, 1]
        if label.ndim == 2 and label.shape[1] == 1:
            label = label[:, 0]  # [n, 1] -> [n]
        if image.shape[1:] != entry.image_shape:
            raise UserError(
                f"x_{part} of {source} must hold images of {entry.name}",
                f"shape [n, {', '.join(map(str, entry.image_shape))}]",
                f"shape {received}",
            )
        if label.ndim != 1:
            check_labels(label, entry.num_classes, name=f"y_{part} of {source}")
        check_lengths(image, label, name=f"x_{part} and y_{part} of {source}")
        result |= {f"x_{part}": image, f"y_{part}": label}
    return result


def _from_function(entry: catalog.Entry) -> dict[str, np.ndarray]:
    arrays = dict(entry.load())
    missing = [key for key in KEYS if key not in arrays]
    if missing:
        raise UserError(
            f"the function of data set {entry.name} must return {', '.join(KEYS)}",
            "a dict of these four arrays",
            f"one without {', '.join(missing)}",
        )
    return arrays


def _from_tfds(entry: catalog.Entry, folder: str) -> tuple[dict[str, np.ndarray], str]:
    data_dir = os.path.expanduser(folder) or None
    try:
        import tensorflow_datasets as tfds

        # "*.*.*" admits what an older version of TensorFlow Datasets has prepared.
        builder = tfds.builder(f"{entry.tfds}:*.*.*", data_dir=data_dir)
        if not builder.is_prepared():
            _probe(entry.origin)
            builder.download_and_prepare()
        arrays = {}
        for part in ("train", "test"):
            whole = tfds.as_numpy(builder.as_dataset(split=part, batch_size=-1))
            arrays[f"x_{part}"], arrays[f"y_{part}"] = whole["image"], whole["label"]
    except Exception as error:  # network, disk, a broken folder: one message serves them all
        raise UserError(
            f"{entry.name} needs data, and they could be neither read nor downloaded",
            f"data.npz=FILE.npz with {', '.join(KEYS)}, or data.dir=FOLDER in which TensorFlow "
            f"Datasets has prepared {entry.tfds}, or data.name=digits, which needs neither",
            f"data.npz='', data.dir={folder!r}, {in_words(error)}",
        ) from None
    return arrays, f"tfds {entry.tfds} {builder.version}"


def _probe(address: str) -> None:
    """Raises OSError soon where a download would try again for minutes."""
    try:
        request = urllib.request.Request(address, method="HEAD")
        urllib.request.urlopen(request, timeout=PROBE_SECONDS).close()
    except urllib.error.HTTPError as error:
        if error.code >= 500:  # a refusal below that is an answer: there is a network
            raise
    except OSError as error:
        raise OSError(f"no answer from {address} ({getattr(error, 'reason', error)})") from None
