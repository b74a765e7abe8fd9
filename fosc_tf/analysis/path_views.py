"""Views of weights that move: along a direction, and along a curve to another network.

VIEWS["connectivity"].add_to(album)
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from fosc_tf.analysis.connection import connect
from fosc_tf.analysis.connectivity import connectivity
from fosc_tf.analysis.perturbation_cosine import perturbation_cosine
from fosc_tf.analysis.store import Arrays
from fosc_tf.analysis.view import WEIGHTS, Absent, Album, view
from fosc_tf.analysis.weight_loss import BATCH_SIZE
from fosc_tf.analysis.weight_views import directions, looked_at, movable
from fosc_tf.show import curve_plots

DISTANCES = (0.1, 0.2, 0.5, 1.0, 2.0)
_JUDGED = 500


def _cosines(arrays: Mapping[str, np.ndarray], title: str) -> Figure:
    """Draws the arrays of each direction."""
    views = {
        str(name): {
            key.removesuffix(f"_{place}"): value
            for key, value in arrays.items()
            if key.endswith(f"_{place}")
        }
        for place, name in enumerate(arrays["name"])
    }
    return curve_plots.perturbation_cosine(views, title)


@view(
    "how far perturbations turn when the weights move, along an eigenvector and at random",
    _cosines,
    section=WEIGHTS,
    dear=True,
)
def perturbation_cosine_view(album: Album) -> tuple[str, Arrays]:
    """Returns the `name` of each direction I, and what `perturbation_cosine` does with "_I".

    Source: Liu 2022 (thesis), section 4.2.3. Random directions are filter-normalised here.
    """
    subject, settings = album.subject, album.settings
    image, label = looked_at(album)
    attack, arrays, names = album.attack, {}, ("first eigenvector", "random direction")
    for place, (plane, name) in enumerate(zip(directions(album).values(), names, strict=True)):
        found = album.kept(
            f"cosine_{name.replace(' ', '_')}",
            lambda vector=plane[0]: perturbation_cosine(
                subject.network, image, label, vector, DISTANCES, attack, seed=settings.seed
            ),
            attack=attack.parameters(),
            seed=settings.seed,
            examples=settings.curvature_examples,
            distances=list(DISTANCES),
        )
        arrays |= {f"{key}_{place}": value for key, value in found.items()}
    title = f"{subject.name}: perturbations of {len(image)} images as the weights move"
    return title, {"name": np.array(names), **arrays}


@view(
    "loss and error along a trained curve to the first of analysis.others",
    curve_plots.connectivity,
    section=WEIGHTS,
    dear=True,
)
def connectivity_view(album: Album) -> tuple[str, Arrays]:
    """Returns the arrays of `connectivity` between the network and the first beside it.

    The curve is trained on the training images of `analysis.curvature_examples` and judged on test
    images. Whoever is killed meanwhile goes on in `analysis/curve_...`, a folder of that curve.

    Source: Liu 2022 (thesis), section 4.2.3, Figure 4.8.
    """
    subject, settings, image = movable(album), album.settings, looked_at(album)
    others = [each for each in album.subjects[1:] if hasattr(each.network, "trainable_variables")]
    if not others:
        raise Absent("a curve leads to another work folder, the first of analysis.others")
    other, attack = others[0], album.attack
    judged = next(iter(album.batches(_JUDGED).unbatch().batch(_JUDGED)))

    decided = {
        "attack": attack.parameters(),
        "seed": settings.seed,
        "examples": settings.curvature_examples,
        "degree": settings.curve_degree,
        "epochs": settings.curve_epochs,
        "ends": [subject.fingerprint, other.fingerprint],
    }

    def measured() -> Arrays:
        curve, _ = connect(
            subject.network,
            other.network,
            *image,
            degree=settings.curve_degree,
            epochs=settings.curve_epochs,
            attack=attack,
            seed=settings.seed,
            batch_size=min(BATCH_SIZE, len(image[0])),
            folder=album.store.folder / f"curve_{zlib.crc32(repr(decided).encode()):08x}",
        )
        shown = (each.numpy() for each in judged)
        return connectivity(
            subject.network, curve, *shown, train_image=image[0], attack=attack, seed=settings.seed
        )

    arrays = album.kept(
        "curve_found",
        measured,
        subjects=[subject, other],
        **decided,
    )
    return f"From {subject.name} (t = 0) to {other.name} (t = 1)", arrays
