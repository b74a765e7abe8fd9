"""The views of a work folder: from its config to what `fosc_tf.analysis` looks at.

draw(config, RunRecord.open(folder, config.to_dict(), {}), Console())
"""

from __future__ import annotations

import pathlib

import numpy as np
import tensorflow as tf
from ml_collections import ConfigDict
from rich.console import Console

from fosc_tf import analysis, build, data, signs
from fosc_tf.analysis.bezier import check_alike
from fosc_tf.analysis.view import WEIGHTS, chosen
from fosc_tf.analysis.weight_views import check_weights
from fosc_tf.errors import UserError
from fosc_tf.runs import trained
from fosc_tf.runs.record import RunRecord
from fosc_tf.show.screen import plain, show_views


def draw(config: ConfigDict, record: RunRecord, console: Console) -> None:
    """Writes the views of the folder's last network into `analysis/` and prints their numbers.

    Raises:
        UserError: a mistake in `config.analysis`; no view has been written over.
    """
    settings = _settings(config)
    subjects = _subjects(config, record)
    arrays = data.load(config.data.name, npz=config.data.npz, dir=config.data.dir)
    size, folder = config.evaluation.batch_size, record.folder / "analysis"

    def first(n: int) -> tf.data.Dataset:
        return data.test_batches(arrays.x_test[:n], arrays.y_test[:n], batch_size=size)

    with record.timed("analyze"), signs.work("views"):
        made_of = {"data": arrays.sha256, "batch_size": size}
        summary = analysis.make_views(
            folder, subjects, first, settings, made_of=made_of, training=_training(config, arrays)
        )
    show_views(summary, console)
    console.print(plain(f"Pictures and arrays: {folder}"))


def check(config: ConfigDict, folder: pathlib.Path) -> None:
    """Raises `UserError` for what `draw` would refuse."""
    trained.load_others(config.analysis.others, config, folder)
    settings, recording = _settings(config), analysis.Recording(folder)
    analysis.chosen_epochs(recording.epochs, settings.epochs)
    views = chosen(settings.views)
    if any(each.section == WEIGHTS and each.dear for each in views):
        own = build.network(config)
        check_weights(own, settings)
        beside = trained.load_others(config.analysis.others[:1], config, folder)
        if any(each.name == "connectivity" for each in views):
            if not beside:
                raise UserError(
                    "the view connectivity is a curve to another network",
                    "analysis.others=('FOLDER',) of a run with the same architecture",
                    "analysis.others=()",
                )
            for each in beside.values():
                check_alike(own, each.network)


def _training(config: ConfigDict, arrays: data.Arrays) -> analysis.Examples | None:
    """Returns the training set and who of it was trained on; None where nobody can say it now."""
    known = data.first(arrays, config.data.get("examples", 0))
    try:
        part, _ = build.parts(config, known)
    except UserError:  # the run that a subset was chosen by has moved
        return None
    return analysis.Examples(known.x_train, known.y_train, np.sort(part.ids))


def _settings(config: ConfigDict) -> analysis.Settings:
    wanted = {name: value for name, value in config.analysis.items() if name != "others"}
    return analysis.Settings(
        epsilon=config.evaluation.epsilon,
        norm=config.evaluation.norm,
        seed=config.seed,
        **wanted,
    )


def _subjects(config: ConfigDict, record: RunRecord) -> list[analysis.Subject]:
    """Returns the folder's network and those set beside it, which classify the same images."""
    others = config.analysis.others
    own = trained.load(record.folder, in_training=True)
    networks = [own, *trained.load_others(others, config, record.folder).values()]
    return [
        analysis.Subject(
            name,
            each.network,
            each.fingerprint,
            recording=None if each.config is None else analysis.Recording(each.path),
            criterion=(each.config or {}).get("defense", {}).get("feasible", "ball"),
            epsilon=None if each.config is None else each.config["defense"].get("epsilon", 0.0),
        )
        for name, each in zip(trained.names(networks), networks, strict=True)
    ]
