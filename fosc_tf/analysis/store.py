"""The folder of the views: arrays that are made once, pictures, each file whole or not there.

store = Store(workdir / "analysis")
arrays = store.arrays("traces", made_of={"step": 700}, compute=lambda: {...})
store.picture("trace", figure)      # trace.png and trace.svg
"""

from __future__ import annotations

import contextlib
import io
import json
import pathlib
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from fosc_tf import files
from fosc_tf.show.style import encoded

Arrays = dict[str, np.ndarray]
_MADE_OF = "made_of"


class Store:
    """Files under `folder`, which is made if missing."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def arrays(
        self, name: str, compute: Callable[[], Arrays], *, made_of: dict[str, Any] | None = None
    ) -> Arrays:
        """Returns the arrays, numbers and strings that `compute` returns, kept in `NAME.npz`.

        Args:
            name: stem of the file.
            compute: makes them.
            made_of: everything that decides them, as plain values. If the file was made of the
                same, it is read and `compute` not called; None always computes.
        """
        path, key = self.folder / f"{name}.npz", json.dumps(made_of, sort_keys=True)
        if made_of is not None:
            # A damaged file is made anew, like one that is missing.
            with contextlib.suppress(OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
                with np.load(path, allow_pickle=False) as archive:
                    kept = dict(archive)
                if str(kept.pop(_MADE_OF, "")) == key:
                    return kept
        arrays = compute()
        file = io.BytesIO()
        np.savez_compressed(file, **arrays, **{_MADE_OF: np.array(key)})
        self.write(path.name, file.getvalue())
        return arrays

    def picture(self, name: str, figure: Figure) -> None:
        """Writes `NAME.png` and `NAME.svg`; equal figures give equal bytes."""
        for form in ("png", "svg"):
            self.write(f"{name}.{form}", encoded(figure, form))

    def remove(self, name: str) -> None:
        """Removes the picture and the arrays of a view that no longer has any."""
        for form in ("npz", "png", "svg"):
            (self.folder / f"{name}.{form}").unlink(missing_ok=True)

    def write(self, name: str, content: str | bytes) -> None:
        """Writes a file, whole or not at all."""
        files.write(self.folder / name, content)
