"""A trained network by its path, be it a work folder or a SavedModel.

other = load("runs/digits_standard")
other.network, other.name, other.folder
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from ml_collections import ConfigDict

from fosc_tf import build, export, run_record
from fosc_tf.errors import UserError
from fosc_tf.training.checkpoints import all_damaged, restore_best, restore_last


@dataclasses.dataclass(frozen=True, eq=False)
class Trained:
    """A network with where it comes from.

    Attributes:
        path: what it was loaded from.
        network: maps images to logits; has an `input_shape`.
        num_classes: of its logits.
        fingerprint: SHA-256 of its weights, in hex.
        config: the run's fields as plain values; None for a SavedModel, which has no run.
    """

    path: pathlib.Path
    network: Any
    num_classes: int
    fingerprint: str
    config: dict[str, Any] | None

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.resolve().name


def load(path: str | os.PathLike) -> Trained:
    """Returns the last network of a work folder, or the network of a SavedModel.

    Raises:
        UserError: neither is there, or it cannot be read.
    """
    path = pathlib.Path(path).expanduser()
    if tf.saved_model.contains_saved_model(str(path)):
        network, config = export.load(path), None
        files = sorted(path.glob("variables/*"))
        weights = [file.read_bytes() for file in files]
    else:
        record = run_record.read(path)
        if record is None:
            raise _neither(f"{path}, which has no {run_record.FILE} and no saved_model.pb")
        config = record["config"]
        network = build.network(ConfigDict(config))
        if not restore_last(path / "checkpoints", network):
            raise _neither(f"{path}, without a whole checkpoint")
        weights = [np.ascontiguousarray(array).data for array in network.get_weights()]
    digest = hashlib.sha256()
    for part in weights:
        digest.update(part)
    logits = network(tf.zeros([1, *network.input_shape[1:]]), training=False)
    return Trained(path, network, int(logits.shape[-1]), digest.hexdigest(), config)


def of_run(config: ConfigDict, folder: pathlib.Path) -> Iterator[tuple[str, int, Any]]:
    """Yields ("last", its step, network) and, where one was kept, ("best", its step, network).

    Raises:
        UserError: no checkpoint of the last network is whole.
    """
    for name, restore in (("last", restore_last), ("best", restore_best)):
        network = build.network(config)
        step = restore(folder / "checkpoints", network)
        if step:
            yield name, step, network
        elif name == "last":
            raise all_damaged(folder / "checkpoints")


def check_alike(one: Trained, other: Trained) -> None:
    """Raises `UserError` unless both classify the same images: shape, classes and data set."""
    mine, others = (
        [
            f"images of shape {tuple(each.network.input_shape[1:])}",
            f"{each.num_classes} classes",
            f"data set {each.config['data']['name']}" if each.config else "",
        ]
        for each in (one, other)
    )
    if mine[:2] != others[:2] or (mine[2] and others[2] and mine[2] != others[2]):
        raise UserError(
            "networks that are compared must classify the same images",
            ", ".join(filter(None, mine)),
            f"{other.path} with {', '.join(filter(None, others))}",
        )


def _neither(received: str) -> UserError:
    return UserError(
        "a trained network is read from a work folder or a SavedModel",
        "the --workdir of a finished --mode=train, or its export",
        received,
    )
