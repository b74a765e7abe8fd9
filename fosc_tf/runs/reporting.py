"""The report of a work folder, from what its evaluation and its views have written.

write(config, arrays, RunRecord.open(folder, config.to_dict(), {}))
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from fosc_tf import analysis, data, files, signs
from fosc_tf.analysis.view import VIEWS
from fosc_tf.attacks import presets
from fosc_tf.evaluation import Journal, sweep
from fosc_tf.evaluation.radii import reach
from fosc_tf.runs import certification, shipping, trained
from fosc_tf.runs.evaluation import FINDINGS, JOURNAL, first
from fosc_tf.runs.record import RunRecord
from fosc_tf.show import (
    accuracy_plots,
    captions,
    proof_plots,
    proof_table,
    subnetwork_table,
    table,
    view_captions,
)
from fosc_tf.show.page import Content, by_epsilon, write_report
from fosc_tf.show.picture import Picture, Section
from fosc_tf.training.checkpoints import ENSEMBLE

EPSILONS = "epsilons.json"
SHOWN = 10  # adversarial examples in the panel


def write(config: ConfigDict, arrays: data.Arrays, record: RunRecord) -> pathlib.Path:
    """Writes the report and `epsilons.json`, the numbers of its sweep; returns the page's path.

    Raises:
        UserError: another network of `config.report.others` that does not fit.
    """
    folder = record.folder
    name, own = shown(config, folder)
    with record.timed("report"), signs.work("report"):
        sweeps = _sweeps(config, arrays, folder, own)
        sections = (
            *_proofs(record, name, own.fingerprint),
            *_subnetwork(folder, name, own),
            _examples(config, arrays, own.network),
            *_views(folder / "analysis"),
        )
    files.write(folder / EPSILONS, json.dumps(by_epsilon(sweeps), indent=1) + "\n")
    content = Content(
        record=record.content,
        rows=table.read(folder),
        history=analysis.Recording(folder).history,
        findings=table.read(folder, FINDINGS),
        sweeps=sweeps,
        num_classes=own.num_classes,
        sections=sections,
    )
    with signs.work("page"):
        return write_report(content, folder)


def shown(config: ConfigDict, folder: pathlib.Path) -> tuple[str, trained.Trained]:
    """Returns the network that a report is about, and its name.

    It is the last one, or where that is not evaluated the first one network of those that are.
    """
    own = trained.load(folder, in_training=True)
    asked = set(config.evaluation.checkpoints) - {ENSEMBLE}
    if "last" not in asked:
        for name, _, network in trained.of_run(config, folder):
            if name in asked:
                weights = trained.fingerprint(network)
                return name, dataclasses.replace(own, network=network, fingerprint=weights)
    return "last", own


def _sweeps(
    config: ConfigDict, arrays: data.Arrays, folder: pathlib.Path, own: trained.Trained
) -> dict[str, Any]:
    if not config.report.sweep_examples:
        return {}
    batches = first(arrays, config.report.sweep_examples, config.evaluation.batch_size)
    journal = Journal(folder / JOURNAL)
    shape = own.network.input_shape[1:]
    networks = [own, *trained.load_others(config.report.others, config, folder).values()]
    rows = {}
    for name, each in zip(trained.names(networks), networks, strict=True):
        with signs.work(name):
            rows[name] = sweep(
                each.network,
                batches,
                epsilons=reach(config.evaluation.epsilon, config.evaluation.norm, shape),
                attack=config.report.sweep_attack,
                norm=config.evaluation.norm,
                seed=config.seed,
                journal=journal,
            )
    return rows


def _examples(config: ConfigDict, arrays: data.Arrays, network: Any) -> Section:
    image, label = next(iter(first(arrays, SHOWN, SHOWN)))
    epsilon, norm = config.evaluation.epsilon, config.evaluation.norm
    with signs.work("examples"):
        found = presets.get("pgd-20", epsilon=epsilon, norm=norm)(network, image, label, seed=0)
    clean, taken = (
        np.argmax(network(each, training=False), axis=1) for each in (image, found.image)
    )
    figure = accuracy_plots.of_images(
        image.numpy(),
        found.image.numpy(),
        label.numpy(),
        taken,
        epsilon if norm == "linf" else 0.5,
        data.get(config.data.name).classes,
    )
    caption = captions.of_examples(label.numpy(), clean, taken)
    return Section("Adversarial examples", (Picture(figure, caption),))


def _proofs(record: RunRecord, name: str, weights: str) -> list[Section]:
    """Returns what was proved, unless it was of other weights than these of the network `name`."""
    folder, of = record.folder, record.content.get("certified") or {}
    if not (folder / certification.FILE).exists() or of.get(name, weights) != weights:
        return []
    anew = "--mode=certify once more, which writes it anew"
    rows = files.read_json(folder / certification.FILE, [proof_table.ROWS], anew)
    lines = tuple(map(tuple, proof_table.lines(rows)))
    pictures = []
    if any("curve" in row for row in rows):
        pictures.append(Picture(proof_plots.curve(rows), proof_plots.of_curve(rows)))
    with np.load(folder / certification.ARRAYS) as arrays:
        for row in (row for row in rows if row.get("box")):
            image, box = (arrays[f"{row['checkpoint']}/{name}"] for name in ("boxed_image", "box"))
            words = f"{row['checkpoint']}: {proof_plots.of_maps(row)}"
            pictures.append(Picture(proof_plots.maps(image, box), words))
    return [Section("What is proved", tuple(pictures), proof_table.HEADER, lines, opened=True)]


def _subnetwork(folder: pathlib.Path, name: str, own: trained.Trained) -> list[Section]:
    """Returns what the network of that name costs, if it is masked, and what its files take."""
    rows = shipping.sizes(own.network)
    kept = [row for row in shipping.read(folder) if row["checkpoint"] == name]
    of_these = [row for row in kept if row.get("weights_sha256") == own.fingerprint]
    lite = of_these[-1]["tflite_bytes"] if of_these else None
    return subnetwork_table.sections(rows, lite) if rows else []


def _views(folder: pathlib.Path) -> list[Section]:
    form, anew = {"views": {...: str}}, "--mode=report once more, which writes it anew"
    summary = files.read_json(folder / "summary.json", form, anew)
    kept: dict[str, list[Picture]] = {}
    for name in summary["views"]:
        with np.load(folder / f"{name}.npz") as arrays:
            caption = view_captions.of_view(name, summary, arrays)
        picture = Picture((folder / f"{name}.png").read_bytes(), caption)
        kept.setdefault(VIEWS[name].section, []).append(picture)
    return [Section(title, tuple(pictures)) for title, pictures in kept.items()]
