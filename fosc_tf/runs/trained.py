"""A trained network by its path, be it a work folder or a SavedModel.

other = load("runs/digits_standard")
other.network, other.name, other.path
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from ml_collections import ConfigDict

from fosc_tf import build, data, export, files, models
from fosc_tf.errors import UserError, visible
from fosc_tf.evaluation.journal import fingerprint as answers
from fosc_tf.probe import probe_images
from fosc_tf.runs import record as records
from fosc_tf.training.checkpoints import (
    AVERAGE,
    BEST,
    ENSEMBLE,
    all_damaged,
    newest_first,
    restore_last,
    step_of_last,
)

EXPORTS = {
    "last": "export",
    BEST: "export_best",
    AVERAGE: "export_ema",
    ENSEMBLE: "export_ensemble",
}
"""The folder of each network that a run exports."""


@dataclasses.dataclass(frozen=True, eq=False)
class Trained:
    """A network with where it comes from.

    Attributes:
        path: what it was loaded from.
        network: maps images to logits; has an `input_shape`.
        num_classes: of its logits.
        fingerprint: SHA-256 of its weights, of a SavedModel also of what it answers, in hex.
        config: the run's fields as plain values; None for a SavedModel, which has no run.
        data: name of the data set it was trained on; "" where nothing tells.
    """

    path: pathlib.Path
    network: Any
    num_classes: int
    fingerprint: str
    config: dict[str, Any] | None
    data: str = ""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.resolve().name


def finished(folder: pathlib.Path) -> bool:
    """Returns whether the training of a work folder has noted its end, its last network kept."""
    step = step_of_last(folder / "checkpoints")
    return bool(step) and (records.read(folder) or {}).get("trained") == step


def load(path: str | os.PathLike, *, in_training: bool = False) -> Trained:
    """Returns the last network of a work folder, or the network of a SavedModel.

    Args:
        path: the folder.
        in_training: takes a network whose training has not ended, too.

    Raises:
        UserError: neither is there, it cannot be read, or its training has not ended.
    """
    path = files.local(path)
    if tf.saved_model.contains_saved_model(str(path)):
        network, config = export.load(path), None
        num_classes = network.num_classes
        data_name = export.about(path).get("data", "")
        # Of the graph its file tells nothing: the names in it differ from export to export.
        digest = hashlib.sha256(answers(network, probe_images(network.input_shape[1:])).encode())
        for file in sorted(path.glob("variables/*")):
            digest.update(file.read_bytes())
        weights = digest.hexdigest()
    else:
        record = records.read(path)
        if record is None:
            raise _neither(f"{path}, which has no {records.FILE} and no saved_model.pb")
        config = record["config"]
        network = build.network(ConfigDict(config))
        step = restore_last(path / "checkpoints", network)
        if not step:
            raise _neither(f"{path}, without a whole checkpoint")
        _check_whole(path, step)
        if not (in_training or finished(path)):
            raise _neither(f"{path}, whose training has not come to its end")
        data_name, weights = config["data"]["name"], fingerprint(network)
        logits = network(tf.zeros([1, *network.input_shape[1:]]), training=False)
        num_classes = int(logits.shape[-1])
    return Trained(path, network, num_classes, weights, config, data_name)


def load_others(
    paths: Sequence[str | os.PathLike], config: ConfigDict, folder: pathlib.Path
) -> dict[str, Trained]:
    """Returns the networks at `paths` by unique names, all of them for the config's data set.

    Args:
        paths: work folders or SavedModels.
        config: the experiment that they are to be compared with or to attack.
        folder: its work folder.

    Raises:
        UserError: no network at a path, one path twice, the experiment's own, or a network for
            other images.
    """
    own = [folder.resolve(), *(folder.resolve() / name for name in EXPORTS.values())]
    for path in paths:
        if pathlib.Path(path).expanduser().resolve() in own:
            raise UserError(
                "a run stands beside others and lends no attack to itself",
                "surrogates and others without the work folder itself and its exports",
                f"{path}",
            )
    found = [load(path) for path in paths]
    for each in found:
        _check_fits(each, config)
    resolved = [each.path.resolve() for each in found]
    if len(set(resolved)) < len(resolved):
        raise UserError(
            "every other network is named once",
            "paths without repetition",
            ", ".join(map(str, paths)),
        )
    return dict(zip(names(found), found, strict=True))


def names(networks: Sequence[Trained]) -> list[str]:
    """Returns a name for each network: the last part of its path, or all of it to be unique."""
    short = [visible(each.name) for each in networks]
    return [
        name if short.count(name) == 1 else visible(str(each.path))
        for name, each in zip(short, networks, strict=True)
    ]


def fingerprint(network: keras.Model) -> str:
    """Returns the SHA-256 of a Keras network's weights, in hex."""
    digest = hashlib.sha256()
    for array in network.get_weights():
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def of_run(config: ConfigDict, folder: pathlib.Path) -> Iterator[tuple[str, int, Any]]:
    """Yields "last", its step and network, then "best", "ema" and "ensemble" where they are kept.

    Raises:
        UserError: no checkpoint of the last network is whole, or that of a finished training is
            not, or one that is to be evaluated is damaged.
    """
    checkpoints = folder / "checkpoints"
    networks = {"last": checkpoints, BEST: checkpoints / BEST, AVERAGE: checkpoints / AVERAGE}
    members = _members(config, checkpoints)
    for name, places in (
        (BEST, [networks[BEST]]),
        (AVERAGE, [networks[AVERAGE]]),
        (ENSEMBLE, members),
    ):
        kept = [path for place in places for path in newest_first(place)]
        asked = name in config.evaluation.checkpoints and kept
        if asked and not all(restore_last(place, build.network(config)) for place in places):
            left = tuple(each for each in config.evaluation.checkpoints if each != name)
            raise UserError(
                f"the {name} network of a run must be readable, or left out",
                f"--config.evaluation.checkpoints={left}, or the work folder without "
                f"{checkpoints / name}",
                f"{len(kept)} damaged checkpoints in {checkpoints / name}",
            )
    for name, place in networks.items():
        network = build.network(config)
        step = restore_last(place, network)
        if name == "last" and step:
            _check_whole(folder, step)
        if step:
            yield name, step, network
        elif name == "last":
            raise all_damaged(place)
    made = [build.network(config) for _ in members]
    steps = [restore_last(*each) for each in zip(members, made, strict=True)]
    if steps and all(steps):
        yield ENSEMBLE, steps[-1], models.ensemble(made)


def _members(config: ConfigDict, checkpoints: pathlib.Path) -> list[pathlib.Path]:
    """Returns where the members of the ensemble are, nothing before the last one is there."""
    folder = checkpoints / ENSEMBLE
    places = [folder / str(number) for number in range(len(build.periods(config)))]
    there = len(places) > 1 and all(newest_first(place) for place in places)
    return places if there else []


def _check_whole(folder: pathlib.Path, step: int) -> None:
    """Raises `UserError` where `step`, the last that could be read, is not the last kept."""
    last = step_of_last(folder / "checkpoints")
    if step != last and finished(folder):
        raise UserError(
            "the last checkpoint of a finished training must be whole",
            f"--mode=train once more, without the damaged files {folder}/checkpoints/step-{last}.*:"
            " it goes on from the one before",
            f"one of step {last} that cannot be read; the last whole one is of step {step}",
        )


def _check_fits(one: Trained, config: ConfigDict) -> None:
    """Raises `UserError` unless `one` classifies the images of the config's data set."""
    own = data.get(config.data.name)
    mine = tuple(own.image_shape), own.num_classes
    other = tuple(one.network.input_shape[1:]), one.num_classes
    # A SavedModel may take images of any size.
    fits = tf.TensorShape(other[0]).is_compatible_with(mine[0]) and other[1] == mine[1]
    if not fits or one.data not in ("", config.data.name):
        raise UserError(
            "networks that are compared must classify the same images",
            _in_words(*mine, config.data.name),
            f"{one.path} with {_in_words(*other, one.data)}",
        )


def _in_words(shape: tuple, classes: int, data_name: str) -> str:
    known = f"images of shape {shape}, {classes} classes"
    return f"{known}, data set {data_name}" if data_name else known


def _neither(received: str) -> UserError:
    return UserError(
        "a trained network is read from a work folder or a SavedModel",
        "the --workdir of a finished --mode=train, or its export",
        received,
    )
