"""All views of a trained network that are asked for: arrays, pictures, and an index of them.

summary = make_views(folder, [subject, *others], batches, settings, made_of={})
"""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from fosc_tf.analysis import (  # noqa: F401  (importing a file of views files them)
    attack_views,
    example_views,
    path_views,
    recorded_views,
    subnetwork_views,
    weight_views,
)
from fosc_tf.analysis.settings import Settings, Subject
from fosc_tf.analysis.store import Store
from fosc_tf.analysis.training_views import chosen_epochs
from fosc_tf.analysis.view import VIEWS, Absent, Album, Examples, chosen
from fosc_tf.attacks.batch_check import check_batch

SUMMARY = "summary.json"


def make_views(
    folder: pathlib.Path,
    subjects: Sequence[Subject],
    batches: Callable[[int], tf.data.Dataset],
    settings: Settings,
    *,
    made_of: dict[str, Any],
    training: Examples | None = None,
) -> dict[str, Any]:
    """Writes views of the first subject into `folder` and returns their summary.

    Each view is `NAME.npz`, `NAME.png` and `NAME.svg`; `summary.json` lists them with titles, says
    why one is absent, and holds the numbers. What costs a while and is already there for the same
    weights, data and settings is not made again, so that whoever was killed goes on. Views that are
    not asked for stay in the summary as long as the weights are the same.

    Args:
        folder: for the files; made if missing.
        subjects: first the network whose views these are, then those that stand beside it; each has
            a name of its own.
        batches: returns batches of (image, label), the first n test examples or all there are.
        settings: what is looked at, and by which views.
        made_of: what decides the batches, as plain values.
        training: the training set, for views of its examples; None leaves those out.

    Raises:
        UserError: an epoch that was not recorded, settings that make no attack or no bins, images
            that do not fit one of the subjects. Nothing has been written over.
    """
    for subject in subjects:
        check_batch(subject.network, next(iter(batches(1)), None))
    recording = subjects[0].recording
    chosen_epochs(recording.epochs if recording else [], settings.epochs)  # raises
    album = Album(Store(folder), settings, subjects, batches, made_of, training)
    wanted = chosen(settings.views)
    kept = _kept(folder, subjects[0])
    titles, absent = kept["views"], kept["absent"]
    numbers = {name: kept[name] for name in ("examples", "accuracy", "fosc") if name in kept}
    if any(each.make.__module__ == attack_views.__name__ for each in wanted):
        numbers = attack_views.numbers(album)
    summary: dict[str, Any] = {}
    for each in wanted:
        for known in (titles, absent):
            known.pop(each.name, None)
        try:
            titles[each.name] = each.add_to(album)
        except Absent as error:
            if error.reason is not None:
                absent[each.name] = error.reason
        summary = _plain(
            {
                "settings": dataclasses.asdict(settings),
                "networks": [subject.name for subject in subjects],
                "fingerprint": subjects[0].fingerprint,
                **numbers,
                "views": {name: titles[name] for name in VIEWS if name in titles},
                "absent": {name: absent[name] for name in VIEWS if name in absent},
            }
        )
        # After each, for the next may take an hour and be killed.
        album.store.write(SUMMARY, json.dumps(summary, indent=1) + "\n")
    return summary


def _kept(folder: pathlib.Path, subject: Subject) -> dict[str, Any]:
    """Returns the summary that is there, if it is of the same weights."""
    nothing = {"views": {}, "absent": {}}
    try:
        found = json.loads((folder / SUMMARY).read_text())
    except (OSError, ValueError):
        return nothing
    return found if found.get("fingerprint") == subject.fingerprint else nothing


def _plain(value: Any) -> Any:
    """Returns `value` for JSON: NumPy numbers as Python's, NaN as None."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
