"""The network of a config, fresh or as its training begins.

starting_network(config)      # with the weights of config.model.weights
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from ml_collections import ConfigDict

from fosc_tf import data, files, models, subnetworks
from fosc_tf.errors import UserError
from fosc_tf.training import initial_weights


def network(config: ConfigDict, precision: str = "float32") -> Any:
    """Returns the config's network with fresh weights: `config.model.weights` is not read.

    With a rate in `config.subnetwork` it is the masked one, with `trained="signs"` there the one of
    signs: of the layers and variables of `starting_network`, to be filled from a checkpoint.

    Args:
        config: of an experiment.
        precision: of its layers, one of `config_check.PRECISIONS`; the weights are float32 in any
            case, and so is a network that is to be evaluated.
    """
    made = _dense(config, precision)
    return _part(made, config.get("subnetwork", {}), config.seed)


def starting_network(config: ConfigDict, precision: str = "float32") -> Any:
    """Returns the config's network as its training begins, with the weights of `model.weights`.

    A network whose own weights are masked, or connected by their signs, is made of the network
    that is there, masked itself or not; any other one is filled as it is.

    Args:
        config: of an experiment.
        precision: as in `network`.

    Raises:
        UserError: no such weights, or those of another network.
    """
    weights = config.model.get("weights")
    if not weights:
        return network(config, precision)
    part, before = config.get("subnetwork", {}), _subnetwork_at(weights)
    if before is not None:
        _check_beginning(part, before, weights)
    kind = _kind(part)
    if kind == "own" or (kind == "signs" and _kind(before or {}) != "signs"):
        source = _part(_dense(config, precision), before or {}, config.seed)
        initial_weights.load(weights, source)
        return _part(source, part, config.seed)
    found = network(config, precision)
    initial_weights.load(weights, found)
    return found


def _dense(config: ConfigDict, precision: str) -> Any:
    """Returns the model that `config.model` names, all of its weights there."""
    entry = data.get(config.data.name)
    own = ("name", "weights", "initialization")
    arguments = {name: value for name, value in config.model.items() if name not in own}
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        made = models.get(
            config.model.name,
            input_shape=entry.image_shape,
            num_classes=entry.num_classes,
            **{"seed": config.seed, **arguments},
        )
    finally:
        keras.config.set_dtype_policy(before)
    if config.model.get("initialization") == "ibp":
        models.initialize(made, seed=config.seed)
    return made


def _kind(part: Mapping[str, Any]) -> str:
    """Returns dense, signs, or the kind of weights that are masked."""
    if part.get("trained") == "signs":
        return "signs"
    return part.get("weights", "binary") if part.get("rate") else "dense"


def _part(made: Any, part: Mapping[str, Any], seed: int) -> Any:
    """Returns what a section `subnetwork` makes of a network."""
    kind = _kind(part)
    if kind == "dense":
        return made
    if kind == "signs":
        return subnetworks.binary_connect(made, last_batch_norm=_has_last_batch_norm(part))
    return subnetworks.masked(made, seed=seed, **part)


def _has_last_batch_norm(part: Mapping[str, Any]) -> bool:
    given, kind = part.get("last_batch_norm"), _kind(part)
    return kind not in ("dense", "own") if given is None else given and kind != "dense"


def _subnetwork_at(path: str) -> Mapping[str, Any] | None:
    """Returns the section `subnetwork` of the run in a work folder; None of anything else."""
    file = files.local(path) / "run.json"
    if not file.exists():
        return None
    config = files.read_json(file, {"config": dict}, "an undamaged file")["config"]
    return config.get("subnetwork", {})


def _check_beginning(part: Mapping[str, Any], before: Mapping[str, Any], path: str) -> None:
    """Raises `UserError` for a run whose network cannot be where this one begins."""
    kind, other = _kind(part), _kind(before)
    words = {"dense": "a network of which all weights are trained", "signs": "a network of signs"}
    received = f"{words.get(other, f'a network with subnetwork.weights={other}')}, in {path}, for "
    received += words.get(kind, f"subnetwork.weights={kind}")
    if kind == "own" and other not in ("dense", "own"):
        raise UserError(
            "own weights are those of a network with its biases and affine parts",
            "model.weights=FOLDER of a dense run, or of one with subnetwork.weights=own",
            received,
        )
    if kind in ("binary", "signed_kaiming") and kind != other:
        raise UserError(
            "random weights are drawn and not read from another network",
            'subnetwork.weights=own, or model.weights=""',
            received,
        )
    if kind == "dense" and other != "dense":
        raise UserError(
            "a network of which all weights are trained begins with such a network",
            "model.weights=FOLDER of a dense run, or subnetwork.weights=own with a rate",
            received,
        )
    if kind == "signs" and other not in ("dense", "own", "signs"):
        raise UserError(
            "signs are those of weights that were trained",
            "model.weights=FOLDER of a dense run, of one with subnetwork.weights=own, or of signs",
            received,
        )
    if _has_last_batch_norm(before) and not _has_last_batch_norm(part):
        raise UserError(
            "a last batch norm stays where it is",
            "subnetwork.last_batch_norm=True",
            f"subnetwork.last_batch_norm=False with the one of {path}",
        )
