"""One view of a trained network: what it shows, how it is made, how it is drawn; and all of them.

@view("loss and FOSC of single climbs, step by step", attack_plots.trace)
def trace_view(album):                     # --config.analysis.views=("trace",)
    return "A title", arrays               # or raise Absent("this run recorded none")
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from fosc_tf import __version__, signs
from fosc_tf.analysis.recording import Recording
from fosc_tf.analysis.settings import Settings, Subject
from fosc_tf.analysis.store import Arrays, Store
from fosc_tf.attacks import PGD
from fosc_tf.errors import UserError, unknown_name

_FORM = 1  # of the kept arrays; a higher one makes those of older code anew


class Absent(Exception):
    """Why there is no such view of a network; None for what most networks do not have."""

    def __init__(self, reason: str | None) -> None:
        super().__init__(reason)
        self.reason = reason


class Examples(NamedTuple):
    """Images and labels of a training set, by id, and who of them was trained on.

    Attributes:
        image: [n, height, width, channels], uint8 or floating in [0, 1].
        label: [n] int.
        ids: [m] int64, of those trained on, in ascending order.
    """

    image: np.ndarray
    label: np.ndarray
    ids: np.ndarray


@dataclasses.dataclass
class Album:
    """What views are made of.

    Attributes:
        store: where they are kept.
        settings: what is looked at.
        subjects: first the network whose views these are, then those beside it.
        batches: returns batches of (image, label), the first n test examples or all there are.
        made_of: what decides the batches, as plain values.
        training: the training set; None where nobody has it.
    """

    store: Store
    settings: Settings
    subjects: Sequence[Subject]
    batches: Callable[[int], tf.data.Dataset]
    made_of: dict[str, Any]
    training: Examples | None = None

    @property
    def subject(self) -> Subject:
        """The network whose views these are."""
        return self.subjects[0]

    @property
    def attack(self) -> PGD:
        """The PGD of the settings, with steps of epsilon / 4."""
        settings = self.settings
        return PGD(
            epsilon=settings.epsilon,
            step_size=settings.epsilon / 4,
            num_steps=settings.num_steps,
            norm=settings.norm,
        )

    @property
    def recording(self) -> Recording:
        """What its training recorded.

        Raises:
            Absent: it was no run of this project.
        """
        if self.subject.recording is None:
            raise Absent("a SavedModel tells of no training")
        return self.subject.recording

    @property
    def examples(self) -> Examples:
        """The training set.

        Raises:
            Absent: nobody has it.
        """
        if self.training is None:
            raise Absent("there are no training images to look at")
        return self.training

    def kept(
        self,
        name: str,
        compute: Callable[[], Arrays],
        *,
        subjects: Sequence[Subject] | None = None,
        **more: Any,
    ) -> Arrays:
        """Returns arrays that cost a while, which are made once for what decides them.

        Args:
            name: of their file.
            compute: makes them.
            subjects: whose weights decide them; None is the subject alone.
            **more: what else does, as plain values.
        """
        code = {"version": __version__, "form": _FORM}
        whose = [self.subject] if subjects is None else subjects
        weights = [(subject.name, subject.fingerprint) for subject in whose]
        made_of = {**code, "networks": weights, **self.made_of, **more}

        def computed() -> Arrays:
            with signs.work(name):
                return compute()

        return self.store.arrays(name, computed, made_of=made_of)


@dataclasses.dataclass(frozen=True)
class View:
    """A view by its name.

    Attributes:
        name: of its files, and in `config.analysis.views`.
        shows: what is seen, in a line.
        make: returns its title and its arrays.
        draw: returns the picture of the arrays and the title.
        section: under which a report shows it.
        dear: made only where it is asked for by name.
    """

    name: str
    shows: str
    make: Callable[[Album], tuple[str, Arrays]]
    draw: Callable[[Arrays, str], Figure]
    section: str
    dear: bool

    def add_to(self, album: Album) -> str:
        """Writes arrays and picture, and returns the title.

        Raises:
            Absent: there is nothing to see; files of an earlier view are gone.
            UserError: what a dear view refuses.
        """
        try:
            title, arrays = self.make(album)
        except Absent:
            album.store.remove(self.name)
            raise
        except UserError as error:
            if self.dear:
                raise
            album.store.remove(self.name)
            raise Absent(error.rule) from error
        figure = self.draw(album.store.arrays(self.name, lambda: arrays), title)
        with signs.work(f"picture of {self.name}"):
            album.store.picture(self.name, figure)
        return title


FOSC, WEIGHTS, LEARNING = "FOSC views", "The weights", "What was learned"
VIEWS: dict[str, View] = {}
"""All views by their names, in the order in which they are made."""


def view(
    shows: str,
    draw: Callable[[Arrays, str], Figure],
    *,
    section: str = FOSC,
    dear: bool = False,
) -> Callable[[Callable[[Album], tuple[str, Arrays]]], Callable[[Album], tuple[str, Arrays]]]:
    """Files the function it stands over as a view, by the function's name without "_view"."""

    def filed(make: Callable[[Album], tuple[str, Arrays]]) -> Callable:
        name = make.__name__.removesuffix("_view")
        VIEWS[name] = View(name, shows, make, functools.partial(draw), section, dear)
        return make

    return filed


def chosen(names: Sequence[str]) -> list[View]:
    """Returns the views of these names, or all that are not dear where none is named.

    Raises:
        UserError: an unknown name.
    """
    for name in names:
        if name not in VIEWS:
            raise unknown_name("view", name, VIEWS)
    return [each for each in VIEWS.values() if (each.name in names if names else not each.dear)]
