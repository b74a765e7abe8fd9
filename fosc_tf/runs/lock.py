"""One process at a time in a work folder.

hold(pathlib.Path("runs/digits_dynamic"))      # until this process ends, however it ends
"""

from __future__ import annotations

import pathlib
from typing import IO

from fosc_tf.errors import UserError

try:
    import fcntl
except ImportError:  # Windows has no such locks: there nobody watches over a folder.
    fcntl = None

FILE = ".lock"
_held: dict[pathlib.Path, IO[str]] = {}


def hold(folder: pathlib.Path) -> None:
    """Keeps other processes out of `folder` for as long as this one lives.

    The operating system opens the lock again even after a kill, so that nothing stale is left.
    Where the file system knows no locks, nothing happens.

    Args:
        folder: one that can be written.

    Raises:
        UserError: another process holds it.
    """
    folder = folder.resolve()
    if fcntl is None or folder in _held:
        return
    file = (folder / FILE).open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise UserError(
            "only one process at a time may work in a work folder",
            "another --workdir, or the same one after the other process has ended",
            f"{folder}, in use by another",
        ) from error
    except OSError:
        file.close()
        return
    _held[folder] = file
