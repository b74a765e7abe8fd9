"""Views of a training, from what it recorded of itself.

VIEWS["course"].add_to(album)
"""

from __future__ import annotations

from fosc_tf.analysis import training_views as of
from fosc_tf.analysis.store import Arrays
from fosc_tf.analysis.view import LEARNING, Absent, Album, view
from fosc_tf.show import training_plots

_NO_FOSC = "this run recorded no FOSC: it trained without an attack or with log.fosc_every=0"


def _recorded(album: Album) -> None:
    recording = album.subject.recording
    if recording is None or not recording.epochs:
        raise Absent(_NO_FOSC)


@view("FOSC and loss of the training examples of the last epoch", training_plots.last_epoch)
def last_epoch_view(album: Album) -> tuple[str, Arrays]:
    """Source: Wang et al. 2019, Figures 2c to 2f."""
    _recorded(album)
    recorded = [each for each in album.subjects if each.recording and each.recording.epochs]
    criteria = " and ".join(sorted({each.criterion for each in recorded}))
    title = f"Training examples of the last epoch ({criteria} FOSC)"
    return title, of.last_epoch({each.name: each.recording for each in recorded})


@view("densities of the FOSC of training examples in several epochs", training_plots.fosc_by_epoch)
def fosc_by_epoch_view(album: Album) -> tuple[str, Arrays]:
    """Source: Wang et al. 2019, Figures 3 and 5."""
    _recorded(album)
    subject, settings = album.subject, album.settings
    epochs = of.chosen_epochs(subject.recording.epochs, settings.epochs)
    title = f"{subject.name}: training examples ({subject.criterion} FOSC)"
    return title, of.fosc_by_epoch(subject.recording, epochs, upper=settings.upper)


@view("FOSC of the training attack, epoch by epoch", training_plots.course)
def course_view(album: Album) -> tuple[str, Arrays]:
    """What each epoch's attacks cost and how far they converged."""
    _recorded(album)
    subject = album.subject
    title = f"{subject.name}: its training attack, epoch by epoch ({subject.criterion} FOSC)"
    return title, of.course(subject.recording, upper=album.settings.upper)


@view(
    "norms of input gradients at held-out images in several epochs",
    training_plots.gradient_norms,
    section=LEARNING,
)
def gradient_norms_view(album: Album) -> tuple[str, Arrays]:
    """Source: Liu 2022 (thesis), section 5.2.2."""
    recording = album.subject.recording
    if recording is None or not recording.epochs_of_norms:
        raise Absent(
            "this run looked at no input gradients: no held-out images, or log.gradient_images=0"
        )
    epochs = of.chosen_epochs(recording.epochs_of_norms, ())
    title = f"{album.subject.name}: input gradients at held-out images"
    return title, of.gradient_norms(recording, epochs)


@view(
    "what the defense has adapted to examples, from the hardest to the easiest",
    training_plots.adaptation,
    section=LEARNING,
)
def adaptation_view(album: Album) -> tuple[str, Arrays]:
    """Source: Liu 2022 (thesis), Figures 4.23 to 4.26; most defenses adapt nothing to examples."""
    recording = album.subject.recording
    if recording is None or not recording.adapted():
        raise Absent(None)
    title = f"{album.subject.name}: what is adapted to examples of each tenth of difficulty"
    return title, of.adaptation(recording)


@view(
    "the first and the last weight updates: gradient norm, distance, error",
    training_plots.updates,
    section=LEARNING,
)
def updates_view(album: Album) -> tuple[str, Arrays]:
    """Source: Liu 2022 (thesis), section 4.2.3."""
    recording = album.subject.recording
    if recording is None or not len(recording.updates()):
        raise Absent("this run measured no weight updates: it trained with log.updates=0")
    return f"{album.subject.name}: its first and last weight updates", of.updates(recording)
