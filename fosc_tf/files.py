"""Files that are there whole or not at all, and JSON that is what a run of ours wrote.

write(path, "text")      # a reader, or a kill in between, sees the old file or the new one
read_json(path, [{"epoch": int, ...: NUMBER}, ...], "the file of a backup")
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import psutil

from fosc_tf.errors import UserError, cannot_write

NUMBER = (int, float)


def local(path: Any, name: str = "path") -> pathlib.Path:
    """Returns `path` with the home folder for a `~` that no shell has replaced.

    Args:
        path: a name or a path.
        name: what the message calls it.

    Raises:
        UserError: neither of these, nothing, or the address of a bucket or server: as a path that
            would be a folder of this name here.
    """
    right = f"{name}=runs/my_run, on a disk of this machine or mounted here"
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise UserError(f"{name} must be a path", right, f"{name}={path!r}")
    said = os.fsdecode(path)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/", said) and not pathlib.Path(said).is_absolute():
        raise UserError(f"{name} must be a path of this machine", right, f"{name}={said}")
    return pathlib.Path(said).expanduser()


def write(path: pathlib.Path, content: str | bytes) -> None:
    """Writes `content` to `path` in one stroke; a link there is replaced, not followed."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    with unfinished.open("xb") as file:
        # A path in it may hold bytes that are no text.
        file.write(
            content.encode(errors="backslashreplace") if isinstance(content, str) else content
        )
    os.replace(unfinished, path)


def write_for_user(path: pathlib.Path, content: bytes) -> int:
    """Writes a file where a user wants it, its folder too, and returns the bytes that it has.

    Raises:
        UserError: a folder, or a place that cannot be written.
    """
    if path.is_dir():
        raise cannot_write(path, IsADirectoryError("a folder, not a file"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, content)
    except OSError as error:
        raise cannot_write(path, error) from error
    return len(content)


@contextlib.contextmanager
def fresh_folder(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives the path of a folder to make and fill; after the block it stands at `path`, whole.

    What was there stays until then, and where the block or the change fails. A kill in between
    leaves a hidden folder beside it, with `fresh` and `earlier` in it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Made inside a temporary folder, not as one: those are private to their user.
    beside = pathlib.Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    fresh, earlier = beside / "fresh", beside / "earlier"
    try:
        yield fresh
        if path.exists():
            path.rename(earlier)
        fresh.rename(path)
    finally:
        if earlier.exists() and not path.exists():
            earlier.rename(path)
        shutil.rmtree(beside, ignore_errors=True)


def read_json(path: pathlib.Path, form: Any, right: str) -> Any:
    """Returns what a JSON file holds.

    Args:
        path: the file.
        form: what it must be: a type; a tuple of forms, one of which must fit; None, which fits
            what is missing too; `[form]` for a list, `[form, ...]` for one that is not empty; a
            dict of forms by name, `...` being every name.
        right: what the message calls right: where an undamaged file comes from.

    Raises:
        UserError: the file cannot be read or is of another form.
    """
    try:
        content = json.loads(path.read_text())
        if not _fits(content, form):
            raise ValueError("it lacks something, or holds something else")
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"{path.name} must be the JSON that a run wrote", right, f"{path}: {error}"
        ) from error
    return content


def check_room(num_bytes: int) -> None:
    """Raises ValueError where so much, unpacked, is more than the memory that is free."""
    free = psutil.virtual_memory().available
    if num_bytes > free:
        raise ValueError(f"{num_bytes:,} bytes unpacked, of {free:,} that are free")


def _fits(value: Any, form: Any) -> bool:
    if form is None:
        return value is None
    if isinstance(form, tuple):
        return any(_fits(value, each) for each in form)
    if isinstance(form, list):
        enough = isinstance(value, list) and len(value) >= len(form) - 1
        return enough and all(_fits(each, form[0]) for each in value)
    if isinstance(form, dict):
        return isinstance(value, dict) and all(
            _fits(value.get(each), inner)
            for name, inner in form.items()
            for each in (value if name is ... else (name,))
        )
    return isinstance(value, form)
