"""Every view of a trained network: its arrays, its picture, and an index of them all.

summary = make_views(folder, [subject, *others], batches, settings, made_of={})
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from matplotlib.figure import Figure

from fosc_tf import __version__, style
from fosc_tf.analysis import plots, training_plots, training_views
from fosc_tf.analysis.bins import automatic_upper, bins_of
from fosc_tf.analysis.cross_table import cross_table
from fosc_tf.analysis.settings import Settings
from fosc_tf.analysis.store import Store
from fosc_tf.analysis.subject import Subject
from fosc_tf.analysis.summary import CRITERIA, correlations, plain
from fosc_tf.analysis.traces import Arrays, picked, step_curves, traces
from fosc_tf.attacks import PGD
from fosc_tf.errors import UserError
from fosc_tf.training.first_batch import check_batch

SUMMARY = "summary.json"
_FORM = 1  # of the kept arrays; a higher one makes those of older code anew
_NO_FOSC = "this run recorded no FOSC: it trained without an attack or with log.fosc_every=0"


def make_views(
    folder: pathlib.Path,
    subjects: Sequence[Subject],
    batches: Callable[[int], tf.data.Dataset],
    settings: Settings,
    *,
    made_of: dict[str, Any],
) -> dict[str, Any]:
    """Writes the FOSC views of the first subject into `folder` and returns their summary.

    Source: Wang et al. 2019, Figures 1, 2, 3 and 5. Each view is `NAME.npz`, `NAME.png` and
    `NAME.svg`; `summary.json` lists them with titles, says why one is absent, and holds the
    numbers. Climbs that are already there for the same weights, data and settings are not
    repeated.

    Args:
        folder: for the files; made if missing.
        subjects: first the network whose views these are, then those that stand beside it in the
            cross table and the densities of the last epoch; each has a name of its own.
        batches: returns batches of (image, label), the first n test examples or all there are.
        settings: what is looked at.
        made_of: what decides the batches, as plain values.

    Raises:
        UserError: an epoch that was not recorded, settings that make no attack or no bins, images
            that do not fit one of the subjects. Nothing has been written over.
    """
    for subject in subjects:
        check_batch(subject.network, next(iter(batches(1)), None))
    recording = subjects[0].recording
    epochs = training_views.chosen_epochs(recording.epochs if recording else [], settings.epochs)
    maker = _Maker(Store(folder), settings, subjects, made_of)
    with style.applied():
        numbers = maker.attack_views(batches(settings.examples))
        maker.cross_table(batches(settings.cross_examples))
        maker.training_views(epochs)
    summary = plain(
        {
            "settings": dataclasses.asdict(settings),
            "networks": [subject.name for subject in subjects],
            **numbers,
            "views": maker.titles,
            "absent": maker.absent,
        }
    )
    maker.store.write(SUMMARY, (json.dumps(summary, indent=1) + "\n").encode())
    return summary


class _Maker:
    """Makes the views one by one, and keeps their titles or why there is none."""

    def __init__(
        self, store: Store, settings: Settings, subjects: Sequence[Subject], made_of: dict[str, Any]
    ) -> None:
        self.store, self.settings = store, settings
        self.subject, self.subjects, self.made_of = subjects[0], subjects, made_of
        self.titles: dict[str, str] = {}
        self.absent: dict[str, str] = {}

    def attack_views(self, batches: tf.data.Dataset) -> dict[str, Any]:
        settings, network = self.settings, self.subject.network
        attack = PGD(
            epsilon=settings.epsilon,
            step_size=settings.epsilon / 4,
            num_steps=settings.num_steps,
            norm=settings.norm,
        )
        climbs = self.store.arrays(
            "climbs",
            lambda: traces(network, batches, attack, seed=settings.seed),
            made_of=self._made_of(
                [self.subject],
                attack=attack.parameters(),
                seed=settings.seed,
                examples=settings.examples,
            ),
        )
        last = {name: values[-1] for name, values in climbs.items()}
        examples, steps = len(last["loss"]), settings.num_steps
        under = f"{self.subject.name}: {examples} test images under PGD-{steps}"
        ranges = {
            "bins": dict.fromkeys(CRITERIA, settings.upper),
            "bins_auto": {name: automatic_upper(last[f"fosc_{name}"]) for name in CRITERIA},
        }
        binned = {name: bins_of(last, upper, settings.bins) for name, upper in ranges.items()}
        for name, arrays in binned.items():
            self._draw(name, f"{under}, by FOSC", arrays, plots.bins)
        single = picked(climbs, settings.traced, seed=settings.seed)
        self._draw("trace", f"{under}, {len(single['index'])} of them", single, plots.trace)
        curves = step_curves(climbs, upper=settings.upper)
        self._draw("step_curves", f"{under}, step by step", curves, plots.step_curves)
        fosc = {
            criterion: {
                "share": float(curves[f"fosc_{criterion}_share"][-1]),
                "correlations": correlations(last, list(binned.values()), criterion),
            }
            for criterion in CRITERIA
        }
        return {"examples": examples, "accuracy": curves["accuracy"][-1], "fosc": fosc}

    def cross_table(self, batches: tf.data.Dataset) -> None:
        settings = self.settings
        arguments = {name: getattr(settings, name) for name in ("epsilon", "norm", "seed")}
        arrays = self.store.arrays(
            "cross_table",
            lambda: cross_table({s.name: s.network for s in self.subjects}, batches, **arguments),
            made_of=self._made_of(self.subjects, examples=settings.cross_examples, **arguments),
        )
        ball = f"{settings.norm} epsilon {settings.epsilon:.3g}"
        title = f"Accuracy on {arrays['n']} test images under PGD, {ball}"
        self._draw("cross_table", title, arrays, plots.cross_table, write=False)

    def training_views(self, epochs: Sequence[int]) -> None:
        upper, subject = self.settings.upper, self.subject
        recordings = {s.name: s.recording for s in self.subjects if s.recording}
        recordings = {name: each for name, each in recordings.items() if each.epochs}
        criteria = sorted({s.criterion for s in self.subjects if s.name in recordings})
        own = f"FOSC of its training: {subject.criterion}"
        views = {
            "last_epoch": (
                f"Training examples of the last epoch (FOSC of training: {', '.join(criteria)})",
                lambda: training_views.last_epoch(recordings),
                training_plots.last_epoch,
            ),
            "fosc_by_epoch": (
                f"{subject.name}: training examples ({own})",
                lambda: training_views.fosc_by_epoch(subject.recording, epochs, upper=upper),
                training_plots.fosc_by_epoch,
            ),
            "course": (
                f"{subject.name}: its training attack, epoch by epoch ({own})",
                lambda: training_views.course(subject.recording, upper=upper),
                training_plots.course,
            ),
        }
        for name, (title, compute, draw) in views.items():
            if subject.name not in recordings:
                self._skip(name, _NO_FOSC)
                continue
            try:
                arrays = compute()
            except UserError as error:
                self._skip(name, error.rule)
            else:
                self._draw(name, title, arrays, draw)

    def _made_of(self, subjects: Sequence[Subject], **more: Any) -> dict[str, Any]:
        weights = [(subject.name, subject.fingerprint) for subject in subjects]
        made = {"version": __version__, "form": _FORM}
        return {**made, "networks": weights, **self.made_of, **more}

    def _draw(
        self,
        name: str,
        title: str,
        arrays: Arrays,
        draw: Callable[[Arrays, str], Figure],
        *,
        write: bool = True,
    ) -> Arrays:
        if write:
            self.store.arrays(name, lambda: arrays)
        self.store.picture(name, draw(arrays, title))
        self.titles[name] = title
        return arrays

    def _skip(self, name: str, reason: str) -> None:
        self.absent[name] = reason
        self.store.remove(name)
