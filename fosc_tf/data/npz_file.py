"""The .npz file in which Keras keeps a data set: four arrays under fixed keys.

    arrays = read_npz(pathlib.Path("mnist.npz"), check=lambda zeros: None)
    arrays["x_train"]      # as stored: uint8 [60000, 28, 28]

Whether the arrays fit the data set is asked in `sources`.
"""

from __future__ import annotations

import math
import pathlib
import zipfile
from collections.abc import Callable

import numpy as np

from fosc_tf import files
from fosc_tf.errors import UserError

KEYS = ("x_train", "y_train", "x_test", "y_test")

_WRITE_NPZ = "a file written by np.savez(FILE, x_train=..., y_train=..., x_test=..., y_test=...)"


def read_npz(
    path: pathlib.Path, check: Callable[[dict[str, np.ndarray]], object]
) -> dict[str, np.ndarray]:
    """Reads the four arrays of `KEYS` as they are.

    Args:
        path: a file in the layout that `keras.datasets` downloads; other keys are ignored.
        check: looks at shapes before anything is unpacked: it is given arrays of zeros that take
            no memory.

    Raises:
        UserError: for a file that is missing, truncated, no .npz, pickled, without a key, or with
            more than memory holds; and what `check` raises.
    """
    if not path.is_file():
        raise UserError("data.npz must name a file that exists", _WRITE_NPZ, f"data.npz={path}")
    try:
        archive = np.load(path, allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise ValueError("one single array, a .npy file")
        with archive:
            found = sorted(archive.files)
            missing = [key for key in KEYS if key not in found]
            if not missing:
                zeros = {key: _zeros(archive.zip, key) for key in KEYS}
                check(zeros)
                files.check_room(sum(each.nbytes for each in zeros.values()))
                arrays = {key: archive[key] for key in KEYS}
    except UserError:
        raise
    except Exception as error:  # a broken file raises any of half a dozen unrelated types
        raise UserError(
            "data.npz must be a complete .npz file of plain arrays, not pickled, that memory holds",
            _WRITE_NPZ,
            f"data.npz={path}, {in_words(error)}",
        ) from None
    if missing:
        raise UserError(
            f"data.npz must hold {', '.join(KEYS)}",
            _WRITE_NPZ,
            f"data.npz={path} without {', '.join(missing)}; it holds {', '.join(found)}",
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
