"""Every view of a trained network: its arrays, its picture, and an index of them all.

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
from matplotlib.figure import Figure

from fosc_tf import __version__, signs
from fosc_tf.analysis.bins import automatic_upper, fosc_bins, pearson
from fosc_tf.analysis.cross_table import cross_table
from fosc_tf.analysis.difficulty_views import (
    feature_norms,
    groups_by_epoch,
    hardest,
    overfitting,
)
from fosc_tf.analysis.recording import Recording
from fosc_tf.analysis.settings import Settings, Subject
from fosc_tf.analysis.stepwise import picked, step_curves, traces
from fosc_tf.analysis.store import Arrays, Store
from fosc_tf.analysis.training_views import (
    adaptation,
    chosen_epochs,
    course,
    fosc_by_epoch,
    gradient_norms,
    last_epoch,
)
from fosc_tf.attacks import PGD
from fosc_tf.attacks.batch_check import check_batch
from fosc_tf.errors import UserError
from fosc_tf.show import attack_plots, difficulty_plots, training_plots

VIEWS = {
    "bins": "accuracy and loss of test images under PGD by FOSC, over a range",
    "bins_auto": "the same over the range of the FOSC found",
    "trace": "loss and FOSC of single climbs, step by step",
    "step_curves": "accuracy, loss and FOSC of all climbs, step by step",
    "cross_table": "accuracy of the network, and of others, under PGD with several settings",
    "last_epoch": "FOSC and loss of the training examples of the last epoch",
    "fosc_by_epoch": "densities of the FOSC of training examples in several epochs",
    "course": "FOSC of the training attack, epoch by epoch",
    "adaptation": "what the defense has adapted to examples, from the hardest to the easiest",
    "overfitting": "accuracy under attack of training and held-out images, epoch by epoch",
    "groups": "loss of training examples from the hardest tenth to the easiest, epoch by epoch",
    "hardest": "the hardest and the easiest training images of each class",
    "gradient_norms": "norms of input gradients at held-out images in several epochs",
}
"""What each view shows, by its name."""
CRITERIA = ("ball", "box")
_FORM = 1  # of the kept arrays; a higher one makes those of older code anew
_NO_FOSC = "this run recorded no FOSC: it trained without an attack or with log.fosc_every=0"


def make_views(
    folder: pathlib.Path,
    subjects: Sequence[Subject],
    batches: Callable[[int], tf.data.Dataset],
    settings: Settings,
    *,
    made_of: dict[str, Any],
    training: tuple[np.ndarray, np.ndarray] | None = None,
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
        training: images and labels of the whole training set by id, for the views of hard and easy
            examples; None leaves out what needs them.

    Raises:
        UserError: an epoch that was not recorded, settings that make no attack or no bins, images
            that do not fit one of the subjects. Nothing has been written over.
    """
    for subject in subjects:
        check_batch(subject.network, next(iter(batches(1)), None))
    recording = subjects[0].recording
    epochs = chosen_epochs(recording.epochs if recording else [], settings.epochs)
    maker = _Maker(Store(folder), settings, subjects, made_of)
    numbers = maker.attack_views(batches(settings.examples))
    maker.cross_table(batches(settings.cross_examples))
    maker.training_views(epochs)
    maker.gradient_norms()
    maker.adaptation()
    maker.difficulty(training)
    summary = _plain(
        {
            "settings": dataclasses.asdict(settings),
            "networks": [subject.name for subject in subjects],
            **numbers,
            "views": maker.titles,
            "absent": maker.absent,
        }
    )
    maker.store.write("summary.json", json.dumps(summary, indent=1) + "\n")
    return summary


@dataclasses.dataclass
class _Maker:
    """Makes the views one by one, and keeps their titles or why there is none."""

    store: Store
    settings: Settings
    subjects: Sequence[Subject]
    made_of: dict[str, Any]
    titles: dict[str, str] = dataclasses.field(default_factory=dict)
    absent: dict[str, str] = dataclasses.field(default_factory=dict)

    def attack_views(self, batches: tf.data.Dataset) -> dict[str, Any]:
        settings, subject = self.settings, self.subjects[0]
        epsilon, steps, seed = settings.epsilon, settings.num_steps, settings.seed
        upper = settings.upper
        attack = PGD(epsilon=epsilon, step_size=epsilon / 4, num_steps=steps, norm=settings.norm)
        climbs = self._kept(
            "climbs",
            [subject],
            lambda: traces(subject.network, batches, attack, seed=seed),
            {"attack": attack.parameters(), "seed": seed, "examples": settings.examples},
        )
        last = {name: values[-1] for name, values in climbs.items()}
        examples = len(last["loss"])
        under = f"{subject.name}: {examples} test images under PGD-{steps}"
        fosc = {criterion: {"correlations": []} for criterion in CRITERIA}
        for name in ("bins", "bins_auto"):
            arrays = {}
            for criterion, numbers in fosc.items():
                values = last[f"fosc_{criterion}"]
                end = upper if name == "bins" else automatic_upper(values)
                bins = fosc_bins(values, last["hit"], last["loss"], upper=end, bins=settings.bins)
                numbers["correlations"].append(bins.numbers())
                named = bins._asdict().items()
                arrays |= {f"{criterion}_{field}": np.asarray(each) for field, each in named}
            whole = f"up to {upper:g}" if name == "bins" else "nearly all of them"
            self._draw(name, f"{under}, by FOSC, {whole}", arrays, attack_plots.bins)
        single = picked(climbs, settings.traced, seed=seed)
        title = f"{under}, {len(single['index'])} of them"
        self._draw("trace", title, single, attack_plots.trace)
        curves = step_curves(climbs, upper=settings.upper)
        self._draw("step_curves", f"{under}, step by step", curves, attack_plots.step_curves)
        for criterion, numbers in fosc.items():
            everyone = {"upper": None, "n": examples}
            for name, values in (("hit", last["hit"]), ("example_loss", last["loss"])):
                everyone[f"{name}_correlation"] = pearson(last[f"fosc_{criterion}"], values)
            numbers["correlations"].append(everyone)
            numbers["share"] = curves[f"fosc_{criterion}_share"][-1]
        return {"examples": examples, "accuracy": curves["accuracy"][-1], "fosc": fosc}

    def cross_table(self, batches: tf.data.Dataset) -> None:
        settings, networks = self.settings, {each.name: each.network for each in self.subjects}
        arguments = {name: getattr(settings, name) for name in ("epsilon", "norm", "seed")}
        arrays = self._kept(
            "cross_table",
            self.subjects,
            lambda: cross_table(networks, batches, **arguments),
            {"examples": settings.cross_examples, **arguments},
        )
        ball = f"{settings.norm} epsilon {settings.epsilon:.3g}"
        title = f"Accuracy on {arrays['n']} test images under PGD, {ball}"
        self._picture("cross_table", title, attack_plots.cross_table(arrays, title))

    def training_views(self, epochs: Sequence[int]) -> None:
        upper, subject = self.settings.upper, self.subjects[0]
        recorded = [each for each in self.subjects if each.recording and each.recording.epochs]
        criteria = " and ".join(sorted({each.criterion for each in recorded}))
        own = f"({subject.criterion} FOSC)"
        titles = {
            "last_epoch": f"Training examples of the last epoch ({criteria} FOSC)",
            "fosc_by_epoch": f"{subject.name}: training examples {own}",
            "course": f"{subject.name}: its training attack, epoch by epoch {own}",
        }
        makers = (
            lambda: last_epoch({each.name: each.recording for each in recorded}),
            lambda: fosc_by_epoch(subject.recording, epochs, upper=upper),
            lambda: course(subject.recording, upper=upper),
        )
        for (name, title), compute in zip(titles.items(), makers, strict=True):
            self._if_recorded(name, title, compute if subject in recorded else None, _NO_FOSC)

    def gradient_norms(self) -> None:
        subject, recording = self.subjects[0], self.subjects[0].recording
        known = recording.epochs_of_norms if recording else []
        self._if_recorded(
            "gradient_norms",
            f"{subject.name}: input gradients at held-out images",
            (lambda: gradient_norms(recording, chosen_epochs(known, ()))) if known else None,
            "this run looked at no input gradients: no held-out images, or log.gradient_images=0",
        )

    def adaptation(self) -> None:
        subject, recording = self.subjects[0], self.subjects[0].recording
        if recording is None or not recording.adapted():
            self.store.remove("adaptation")  # most defenses adapt nothing to examples
            return
        title = f"{subject.name}: what is adapted to examples of each tenth of difficulty"
        self._if_recorded("adaptation", title, lambda: adaptation(recording), "")

    def difficulty(self, training: tuple[np.ndarray, np.ndarray] | None) -> None:
        subject, recording = self.subjects[0], self.subjects[0].recording
        for name, title, compute, otherwise in (
            (
                "overfitting",
                "accuracy under attack, training and held out",
                None if recording is None else lambda: overfitting(recording),
                "a SavedModel tells of no training",
            ),
            (
                "groups",
                "ten groups of training examples by their difficulty",
                None if recording is None else lambda: self._groups(recording, training),
                "a SavedModel tells of no training",
            ),
            (
                "hardest",
                "hardest and easiest training images",
                None
                if recording is None or training is None
                else lambda: hardest(recording, *training),
                "no training images are given",
            ),
        ):
            titled = f"{subject.name}: {title}"
            self._if_recorded(name, titled, compute, otherwise, difficulty_plots)

    def _groups(
        self, recording: Recording, training: tuple[np.ndarray, np.ndarray] | None
    ) -> Arrays:
        losses = recording.every_loss()
        if training is None or losses.shape[1] != len(training[0]):
            return groups_by_epoch(recording)
        subject, (image, _) = self.subjects[0], training
        (ids,) = np.nonzero(np.isfinite(losses).any(axis=0))
        ids, norms = ids[: self.settings.examples], np.full(len(image), np.nan)
        try:
            found = self._kept(
                "feature_norms",
                [subject],
                lambda: {"norm": feature_norms(subject.network, image[ids])},
                {"ids": [len(ids), int(ids.sum())]},
            )
        except UserError:  # a network of another end has no such features
            return groups_by_epoch(recording)
        norms[ids] = found["norm"]
        return groups_by_epoch(recording, norms)

    def _if_recorded(
        self,
        name: str,
        title: str,
        compute: Callable[[], Arrays] | None,
        otherwise: str,
        plots: Any = training_plots,
    ) -> None:
        """Draws what was recorded, or notes why there is nothing."""
        try:
            arrays, reason = compute and compute(), otherwise
        except UserError as error:
            arrays, reason = None, error.rule
        if arrays is None:
            self.absent[name] = reason
            self.store.remove(name)
        else:
            self._draw(name, title, arrays, getattr(plots, name))

    def _kept(
        self,
        name: str,
        subjects: Sequence[Subject],
        compute: Callable[[], Arrays],
        more: dict[str, Any],
    ) -> Arrays:
        """Returns the arrays of climbs, which are made once for what decides them."""
        code = {"version": __version__, "form": _FORM}
        weights = [(subject.name, subject.fingerprint) for subject in subjects]
        made_of = {**code, "networks": weights, **self.made_of, **more}

        def computed() -> Arrays:
            with signs.work(name):
                return compute()

        return self.store.arrays(name, computed, made_of=made_of)

    def _draw(
        self, name: str, title: str, arrays: Arrays, draw: Callable[[Arrays, str], Figure]
    ) -> None:
        self._picture(name, title, draw(self.store.arrays(name, lambda: arrays), title))

    def _picture(self, name: str, title: str, figure: Figure) -> None:
        with signs.work(f"picture of {name}"):
            self.store.picture(name, figure)
        self.titles[name] = title


def _plain(value: Any) -> Any:
    """Returns `value` for JSON: NumPy numbers as Python's, NaN as None."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
