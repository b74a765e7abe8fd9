"""The FOSC views of a work folder: from its config to what `fosc_tf.analysis` looks at.

draw(config, RunRecord.open(folder, config.to_dict(), {}), Console())
"""

from __future__ import annotations

import tensorflow as tf
from ml_collections import ConfigDict
from rich.console import Console

from fosc_tf import analysis, data, trained
from fosc_tf.errors import UserError
from fosc_tf.run_record import RunRecord


def draw(config: ConfigDict, record: RunRecord, console: Console) -> None:
    """Writes the views of the folder's last network into `analysis/` and prints their numbers.

    Raises:
        UserError: a mistake in `config.analysis`; no view has been written over.
    """
    wanted = {name: value for name, value in config.analysis.items() if name != "others"}
    settings = analysis.Settings(
        epsilon=config.evaluation.epsilon,
        norm=config.evaluation.norm,
        seed=config.seed,
        **wanted,
    )
    subjects = _subjects(record, config.analysis.others)
    arrays = data.load(config.data.name, npz=config.data.npz, dir=config.data.dir)
    size, folder = config.evaluation.batch_size, record.folder / "analysis"

    def first(n: int) -> tf.data.Dataset:
        return data.test_batches(arrays.x_test[:n], arrays.y_test[:n], batch_size=size)

    with record.timed("analyze"):
        made_of = {"data": arrays.sha256, "batch_size": size}
        summary = analysis.make_views(folder, subjects, first, settings, made_of=made_of)
    analysis.show(summary, console)
    console.print(f"Pictures and arrays: {folder}", markup=False, highlight=False)


def _subjects(record: RunRecord, others: tuple[str, ...]) -> list[analysis.Subject]:
    """Returns the folder's network and those set beside it, which classify the same images."""
    networks = [trained.load(path) for path in (record.folder, *others)]
    paths = [network.path.resolve() for network in networks]
    if len(set(paths)) < len(paths):
        raise UserError(
            "every network is analyzed once",
            "analysis.others without the work folder itself and without repetition",
            ", ".join(map(str, paths)),
        )
    names = [network.name for network in networks]
    subjects = []
    for network in networks:
        trained.check_alike(networks[0], network)
        run = network.config
        subjects.append(
            analysis.Subject(
                network.name if names.count(network.name) == 1 else str(network.path),
                network.network,
                network.fingerprint,
                recording=None if run is None else analysis.Recording(network.path),
                criterion=(run or {}).get("defense", {}).get("feasible", "ball"),
            )
        )
    return subjects
