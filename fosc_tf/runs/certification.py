"""Certified evaluation of a work folder: what is proved of each network, beside what attacks leave.

certify(config, arrays, record, networks, Console())
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from ml_collections import ConfigDict
from rich.console import Console

from fosc_tf import bounds, data, files, signs
from fosc_tf.command import check_fields
from fosc_tf.evaluation import Journal, proof_forecast
from fosc_tf.evaluation.certified import Proofs, check_methods
from fosc_tf.evaluation.stages import stages
from fosc_tf.evaluation.survival import Survival
from fosc_tf.runs import trained
from fosc_tf.runs.evaluation import JOURNAL, first
from fosc_tf.runs.record import RunRecord
from fosc_tf.show import proof_table
from fosc_tf.show.screen import plain

FILE, ARRAYS, BROKEN = "certified.json", "certified.npz", "contradictions.npz"
CURVE = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
"""Multiples of epsilon of the curve."""
FIELDS = "methods attacks alone examples time_limit radius_method curve_examples boxes"
SHOWN = 8  # images whose largest boxes are drawn
_FEW = 16  # images that the forecast tries


def check(config: ConfigDict) -> None:
    """Raises `UserError` for a method or attack that cannot be asked, before anything is loaded."""
    check_fields(config, {"certification": FIELDS})
    settings, evaluation = config.certification, config.evaluation
    check_methods(tuple(settings.methods), evaluation.norm)
    for name in settings.attacks:
        stages(str(name), epsilon=evaluation.epsilon, norm=evaluation.norm)


def certify(
    config: ConfigDict,
    arrays: data.Arrays,
    record: RunRecord,
    networks: Iterable[tuple[str, Any]],
    console: Console,
) -> None:
    """Writes `certified.json`, `certified.md` and `certified.npz`, and shows them.

    What has been found is kept in `evaluation.jsonl` batch by batch, so that a killed one goes on.

    Raises:
        UserError: what cannot be bounded or asked.
        Contradiction: an attack broke an example that was proved; it is in `contradictions.npz`.
    """
    rows, kept, weights = [], {}, {}
    with record.timed("certify"):
        for name, network in networks:
            with signs.work(name):
                found, masks = _certified(config, arrays, record, name, network, console)
            weights[name] = trained.fingerprint(network)
            rows += [{"checkpoint": name} | row for row in found]
            kept |= {f"{name}/{key}": value for key, value in masks.items()}
    content = io.BytesIO()
    np.savez_compressed(content, **kept)
    # The rows go last: where they are, all is.
    (record.folder / FILE).unlink(missing_ok=True)
    files.write(record.folder / ARRAYS, content.getvalue())
    proof_table.write(rows, record.folder, record.summary())
    record.note(certified=weights)
    files.write(record.folder / FILE, json.dumps(rows, indent=1) + "\n")
    proof_table.show(rows, console)
    console.print(plain(f"Rows and arrays: {record.folder / FILE}, {record.folder / ARRAYS}"))


class Contradiction(Exception):
    """An attack broke what was proved: a fault of this program or of its arithmetic."""


def _certified(
    config: ConfigDict,
    arrays: data.Arrays,
    record: RunRecord,
    name: str,
    network: Any,
    console: Console,
) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    settings, evaluation = config.certification, config.evaluation
    epsilon, norm = float(evaluation.epsilon), evaluation.norm
    journal = Journal(record.folder / JOURNAL)
    batches = first(arrays, settings.examples, evaluation.batch_size)
    proofs = Proofs(
        network,
        batches,
        epsilon=epsilon,
        norm=norm,
        time_limit=settings.time_limit,
        journal=journal,
    )
    n = len(proofs.right)
    _tell_forecast(config, arrays, name, network, n, console)
    rows = [proofs.clean(), *(proofs.row(each, alone=settings.alone) for each in settings.methods)]
    survival = Survival(network, batches, seed=config.seed, journal=journal)
    masks = {"right": proofs.right, "proved": proofs.proved}
    for attack in settings.attacks:
        plan = stages(attack, epsilon=epsilon, norm=norm)
        rows.append(survival.row(plan))
        left = list(survival.masks(plan).values())[-1]
        masks[attack] = left
        broken = np.flatnonzero(proofs.proved[: len(left)] & ~left)
        if broken.size:
            raise _contradiction(record, arrays, name, attack, broken)
    with signs.work(f"radii by {settings.radius_method}", n) as work:
        radius = _radii(config, network, proofs, work)
    masks["radius"] = radius
    rows.append(
        {
            "method": f"radius by {settings.radius_method}",
            "mean_radius": float(np.mean(radius)),
            "n": n,
            "parameters": {"epsilon": epsilon, "norm": norm},
        }
    )
    rows += _curve(config, arrays, network, journal)
    if settings.boxes:
        with signs.work("largest boxes"):
            row, found = _boxes(config, arrays, network)
        rows.append(row)
        masks |= found
    return rows, masks


def _tell_forecast(
    config: ConfigDict, arrays: data.Arrays, name: str, network: Any, n: int, console: Console
) -> None:
    settings, evaluation = config.certification, config.evaluation
    with signs.work("what proofs would take"):
        image, label = next(iter(first(arrays, _FEW, _FEW)))
        found = proof_forecast.forecast(
            network,
            image.numpy(),
            label.numpy(),
            epsilon=evaluation.epsilon,
            norm=evaluation.norm,
            methods=settings.methods,
            n=n,
            batch_size=evaluation.batch_size,
        )
    console.print(plain(f"{name}: {n:,} images, each method asked about all of them:"))
    proof_table.show_forecast(found, console)
    console.print(plain(proof_forecast.advice(found)))


def _radii(config: ConfigDict, network: Any, proofs: Proofs, work: signs.Work) -> np.ndarray:
    found = []
    for image, label in proofs.batches():
        found.append(
            bounds.certified_radius(
                network,
                image,
                label,
                epsilon=float(config.evaluation.epsilon),
                norm=config.evaluation.norm,
                method=config.certification.radius_method,
            )
        )
        work.advance(len(found[-1]))
    return np.concatenate(found)


def _curve(
    config: ConfigDict, arrays: data.Arrays, network: Any, journal: Journal
) -> list[dict[str, Any]]:
    """Returns rows of the share proved at several radii, by the methods without exact ones."""
    settings, evaluation = config.certification, config.evaluation
    if not settings.curve_examples:
        return []
    batches = first(arrays, settings.curve_examples, evaluation.batch_size)
    rows = []
    for times in CURVE:
        epsilon = float(times * evaluation.epsilon)
        if evaluation.norm == "linf":
            epsilon = min(epsilon, 1.0)
        of_all = {"epsilon": epsilon, "norm": evaluation.norm}
        if not rows:  # without a radius all that is right is proved
            proofs = Proofs(network, batches, journal=journal, **of_all | {"epsilon": 1.0})
            accuracy = proofs.clean()["accuracy"]
            rows.append({"curve": "clean", "accuracy": accuracy, "parameters": of_all})
            continue
        proofs = Proofs(network, batches, journal=journal, **of_all)
        cheap = [name for name in settings.methods if name in ("ibp", "crown-ibp")] or ["crown-ibp"]
        accuracy = [proofs.row(name) for name in cheap][-1]["accuracy"]
        rows.append({"curve": " or ".join(cheap), "accuracy": accuracy, "parameters": of_all})
    return rows


def _boxes(
    config: ConfigDict, arrays: data.Arrays, network: Any
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Returns the row of the largest boxes, and what is drawn of them."""
    n = config.certification.boxes
    image, label = (each.numpy() for each in next(iter(first(arrays, n, n))))
    box, even = (
        bounds.largest_region(network, image, label, uniform=uniform) for uniform in (False, True)
    )
    right = (even > 0).all(axis=(1, 2, 3))
    means = [
        float(np.exp(np.log(each[right]).mean())) if right.any() else 0.0 for each in (box, even)
    ]
    row = {"method": "boxes", "box": means[0], "even": means[1], "n": int(right.sum())}
    shown = np.flatnonzero(right)[:SHOWN]
    return row, {"boxed_image": image[shown], "box": box[shown], "even": even[shown]}


def _contradiction(
    record: RunRecord, arrays: data.Arrays, name: str, attack: str, broken: np.ndarray
) -> Contradiction:
    path = record.folder / BROKEN
    np.savez(
        path,
        network=name,
        attack=attack,
        index=broken,
        image=arrays.x_test[broken],
        label=arrays.y_test[broken],
    )
    return Contradiction(
        f"{attack} broke {len(broken)} examples of network {name} that were proved, first number "
        f"{broken[0]}: a bound or the arithmetic is wrong. They are in {path}; please report it."
    )
