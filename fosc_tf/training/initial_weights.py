"""Weights that a training starts from: another run's, or those of a file.

load("runs/digits_standard", network)          # the last whole checkpoint of a work folder
load("pretrained.weights.h5", network)         # or NAME.keras, or the folder of an export
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile
import zipfile

import h5py
import keras
import tensorflow as tf

from fosc_tf import files
from fosc_tf.errors import UserError
from fosc_tf.training.checkpoints import all_damaged, newest_first, restore_last

_IN_EXPORT, _IN_KERAS = "network.weights.h5", "model.weights.h5"


def load(path: str | os.PathLike, network: keras.Model) -> None:
    """Fills `network`, trainable weights and statistics, with the weights at `path`.

    Args:
        path: a work folder (its last whole checkpoint), a folder that `fosc_tf.export.save` wrote,
            a file NAME.keras or NAME.weights.h5. What an optimizer left in a file is passed over.
        network: built, of the same architecture.

    Raises:
        UserError: none of these is there, it cannot be read, or it holds another architecture.
    """
    path = files.local(path)
    checkpoints = path / "checkpoints"
    if newest_first(checkpoints):
        known = {str(i): tuple(each.shape) for i, each in enumerate(network.variables)}
        _compare(path, _in_checkpoints(checkpoints), known)
        if not restore_last(checkpoints, network):
            raise all_damaged(checkpoints)
        return
    file = path / _IN_EXPORT if path.is_dir() else path
    if not (file.is_file() and file.name.endswith((".keras", ".weights.h5"))):
        raise _none_at(path, "where there is none of these")
    with tempfile.TemporaryDirectory() as folder:
        own = pathlib.Path(folder) / "own.weights.h5"
        network.save_weights(own)
        _compare(path, _in_file(file, path), _in_file(own, own))
    network.load_weights(file)


def _compare(path: pathlib.Path, found: dict[str, tuple], known: dict[str, tuple]) -> None:
    """Raises `UserError` unless the names and shapes at `path` are those of the network."""
    if found != known:
        differing = sorted(
            name for name in found.keys() | known.keys() if found.get(name) != known.get(name)
        )
        first, none = differing[0], "not there"
        raise UserError(
            "initial weights must be those of the same architecture",
            f"{len(known)} arrays, {first} with the shape {known.get(first, none)}",
            f"{len(found)} arrays, {first} with the shape {found.get(first, none)}, in {path}",
        )


def _in_checkpoints(folder: pathlib.Path) -> dict[str, tuple]:
    """Returns the shapes of the network in the newest checkpoint that tells them, by position."""
    for checkpoint in newest_first(folder):
        with contextlib.suppress(Exception):  # a damaged one raises any of several types
            shapes = tf.train.load_checkpoint(checkpoint).get_variable_to_shape_map()
            parts = {name: name.split("/") for name in shapes}
            return {
                part[1]: tuple(shapes[name])
                for name, part in parts.items()
                if part[0] == "network" and part[-1] == "VARIABLE_VALUE"
            }
    raise all_damaged(folder)


def _in_file(file: pathlib.Path, path: pathlib.Path) -> dict[str, tuple]:
    """Returns the shapes of a file's arrays by name, without those of an optimizer."""
    shapes = {}

    def note(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer/"):
            shapes[name] = item.shape

    try:
        with contextlib.ExitStack() as opened:
            source = opened.enter_context(file.open("rb"))
            if file.suffix == ".keras":
                archive = opened.enter_context(zipfile.ZipFile(source))
                files.check_room(archive.getinfo(_IN_KERAS).file_size)
                source = opened.enter_context(archive.open(_IN_KERAS))
            opened.enter_context(h5py.File(source, "r")).visititems(note)
    except Exception as error:  # a damaged file raises any of several types
        raise _none_at(path, f"which cannot be read: {type(error).__name__}: {error}") from error
    return shapes


def _none_at(path: pathlib.Path, why: str) -> UserError:
    return UserError(
        "initial weights are read from what a training left",
        "a work folder with checkpoints, an export, NAME.keras or NAME.weights.h5",
        f"{path}, {why}",
    )
