"""Views of the training examples: who is hard, and how far training runs ahead of held-out images.

VIEWS["groups"].add_to(album)
"""

from __future__ import annotations

import numpy as np

from fosc_tf.analysis.difficulty_views import feature_norms, groups_by_epoch, hardest, overfitting
from fosc_tf.analysis.store import Arrays
from fosc_tf.analysis.view import LEARNING, Album, view
from fosc_tf.errors import UserError
from fosc_tf.show import difficulty_plots


@view(
    "accuracy under attack of training and held-out images, epoch by epoch",
    difficulty_plots.overfitting,
    section=LEARNING,
)
def overfitting_view(album: Album) -> tuple[str, Arrays]:
    """Source: Liu 2022 (thesis), section 4.3."""
    title = f"{album.subject.name}: accuracy under attack, training and held out"
    return title, overfitting(album.recording)


@view(
    "loss of training examples from the hardest tenth to the easiest, epoch by epoch",
    difficulty_plots.groups,
    section=LEARNING,
)
def groups_view(album: Album) -> tuple[str, Arrays]:
    """Source: Liu 2022 (thesis), section 4.3.2."""
    title = f"{album.subject.name}: ten groups of training examples by their difficulty"
    recording = album.recording
    return title, groups_by_epoch(recording, _feature_norms(album, recording.every_loss()))


def _feature_norms(album: Album, losses: np.ndarray) -> np.ndarray | None:
    """Returns norms by id, NaN where not taken; None where the network has no such features."""
    if album.training is None or losses.shape[1] != len(album.training.image):
        return None
    image = album.training.image
    (ids,) = np.nonzero(np.isfinite(losses).any(axis=0))
    ids, norms = ids[: album.settings.examples], np.full(len(image), np.nan)
    try:
        found = album.kept(
            "feature_norms",
            lambda: {"norm": feature_norms(album.subject.network, image[ids])},
            ids=[len(ids), int(ids.sum())],
        )
    except UserError:  # a network of another end
        return None
    norms[ids] = found["norm"]
    return norms


@view(
    "the hardest and the easiest training images of each class",
    difficulty_plots.hardest,
    section=LEARNING,
)
def hardest_view(album: Album) -> tuple[str, Arrays]:
    """Source: Liu 2022 (thesis), section 4.3.1."""
    title = f"{album.subject.name}: hardest and easiest training images"
    return title, hardest(album.recording, album.examples.image, album.examples.label)
