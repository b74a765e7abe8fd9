"""The .npz file in which Keras keeps a data set: four arrays under fixed keys.

    arrays = read_npz(pathlib.Path("mnist.npz"))
    arrays["x_train"]      # as stored: uint8 [60000, 28, 28]

Whether the arrays fit the data set is asked in `sources`.
"""

from __future__ import annotations

import pathlib

import numpy as np

from fosc_tf.errors import UserError

KEYS = ("x_train", "y_train", "x_test", "y_test")

_WRITE_NPZ = "a file written by np.savez(FILE, x_train=..., y_train=..., x_test=..., y_test=...)"


def read_npz(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Reads the four arrays of `KEYS` as they are.

    Args:
        path: a file in the layout that `keras.datasets` downloads; other keys are ignored.

    Raises:
        UserError: for a file that is missing, truncated, no .npz, pickled, or without a key.
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
            arrays = {key: archive[key] for key in KEYS if not missing}
    except Exception as error:  # a broken file raises any of half a dozen unrelated types
        raise UserError(
            "data.npz must be a complete .npz file of plain arrays, without pickled objects",
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


def in_words(error: Exception) -> str:
    """Returns the kind of an error and the first line of its message."""
    first = str(error).strip().split("\n")[0].rstrip(".")
    return f"{type(error).__name__}: {first}"
