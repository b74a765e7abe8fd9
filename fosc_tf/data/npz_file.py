"""The .npz file in which Keras keeps a data set: four arrays under fixed keys.

    arrays = read_npz(pathlib.Path("mnist.npz"), check=lambda zeros: None)
    arrays["x_train"]      # as stored: uint8 [60000, 28, 28]

Whether the arrays fit the data set is asked in `sources`.
"""

from __future__ import annotations

import math
import pathlib
import zipfile
from collections.abc import Callable, Sequence

import numpy as np

from fosc_tf import files
from fosc_tf.errors import UserError

KEYS = ("x_train", "y_train", "x_test", "y_test")


def read_npz(
    path: pathlib.Path,
    check: Callable[[dict[str, np.ndarray]], object],
    *,
    keys: Sequence[str] = KEYS,
    field: str = "data.npz",
) -> dict[str, np.ndarray]:
    """Reads the arrays of `keys` as they are.

    Args:
        path: a file in the layout that `keras.datasets` downloads; other keys are ignored.
        check: looks at shapes before anything is unpacked: it is given arrays of zeros that take
            no memory.
        keys: of the arrays.
        field: what messages call the file.

    Raises:
        UserError: for a file that is missing, truncated, no .npz, pickled, without a key, or with
            more than memory holds; and what `check` raises.
    """
    right = f"a file written by np.savez(FILE, {', '.join(f'{key}=...' for key in keys)})"
    if not path.is_file():
        raise UserError(f"{field} must name a file that exists", right, f"{field}={path}")
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise ValueError("one single array, a .npy file")
        with archive:
            found = sorted(archive.files)
            missing = [key for key in keys if key not in found]
            if not missing:
                zeros = {key: _zeros(archive.zip, key) for key in keys}
                check(zeros)
                files.check_room(sum(each.nbytes for each in zeros.values()))
                arrays = {key: archive[key] for key in keys}
    except UserError:
        raise
    except Exception as error:  # a broken file raises any of half a dozen unrelated types
        raise UserError(
            f"{field} must be a complete .npz file of plain arrays, not pickled, that memory holds",
            right,
            f"{field}={path}, {in_words(error)}",
        ) from None
    if missing:
        raise UserError(
            f"{field} must hold {', '.join(keys)}",
            right,
            f"{field}={path} without {', '.join(missing)}; it holds {', '.join(found)}",
        )
    return arrays


def _zeros(archive: zipfile.ZipFile, key: str) -> np.ndarray:
    """Returns zeros of the shape and type that an array of the file has."""
    with archive.open(f"{key}.npy") as member:
        if np.lib.format.read_magic(member) != (1, 0):
            raise ValueError(f"{key} of no plain type")
        shape, _, dtype = np.lib.format.read_array_header_1_0(member)
        size, held = math.prod(shape) * dtype.itemsize, archive.getinfo(member.name).file_size
        if dtype.hasobject or held != member.tell() + size:
            raise ValueError(f"{key} with pickled objects, or of another size than its shape")
    return np.broadcast_to(np.zeros((), dtype), shape)


def in_words(error: Exception) -> str:
    """Returns the kind of an error and the first line of its message."""
    first = str(error).strip().split("\n")[0].rstrip(".")
    return f"{type(error).__name__}: {first}"
