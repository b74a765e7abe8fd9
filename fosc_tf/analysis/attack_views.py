"""Views of attacks on test images: what FOSC tells of how far they came.

VIEWS["bins"].add_to(album)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fosc_tf.analysis.bins import automatic_upper, fosc_bins, pearson
from fosc_tf.analysis.cross_table import cross_table
from fosc_tf.analysis.stepwise import picked, step_curves, traces
from fosc_tf.analysis.store import Arrays
from fosc_tf.analysis.view import Album, view
from fosc_tf.show import attack_plots

CRITERIA = ("ball", "box")


def climbs(album: Album) -> Arrays:
    """Returns the traces of PGD at the first test examples, [steps, examples] each."""
    settings, subject, attack = album.settings, album.subject, album.attack
    return album.kept(
        "climbs",
        lambda: traces(
            subject.network, album.batches(settings.examples), attack, seed=settings.seed
        ),
        attack=attack.parameters(),
        seed=settings.seed,
        examples=settings.examples,
    )


def numbers(album: Album) -> dict[str, Any]:
    """Returns what is said of the climbs in a table: correlations, and shares of small FOSC."""
    found, settings = climbs(album), album.settings
    last = {name: values[-1] for name, values in found.items()}
    fosc = {}
    for criterion in CRITERIA:
        values = last[f"fosc_{criterion}"]
        rows = [
            fosc_bins(values, last["hit"], last["loss"], upper=end, bins=settings.bins)
            for end in (settings.upper, automatic_upper(values))
        ]
        everyone = {"upper": None, "n": len(values)}
        for name, of in (("hit", last["hit"]), ("example_loss", last["loss"])):
            everyone[f"{name}_correlation"] = pearson(values, of)
        fosc[criterion] = {
            "correlations": [*(each.numbers() for each in rows), everyone],
            "share": np.mean(values <= settings.upper),
        }
    return {"examples": len(last["loss"]), "accuracy": np.mean(last["hit"]), "fosc": fosc}


def _under(album: Album, found: Arrays) -> str:
    count = found["loss"].shape[1]
    return f"{album.subject.name}: {count} test images under PGD-{album.settings.num_steps}"


def _binned(album: Album, whole: str, *, automatic: bool) -> tuple[str, Arrays]:
    found, settings, arrays = climbs(album), album.settings, {}
    last = {name: values[-1] for name, values in found.items()}
    for criterion in CRITERIA:
        values = last[f"fosc_{criterion}"]
        end = automatic_upper(values) if automatic else settings.upper
        of = fosc_bins(values, last["hit"], last["loss"], upper=end, bins=settings.bins)
        arrays |= {f"{criterion}_{field}": np.asarray(each) for field, each in of._asdict().items()}
    return f"{_under(album, found)}, by FOSC, {whole}", arrays


@view("accuracy and loss of test images under PGD by FOSC, over a range", attack_plots.bins)
def bins_view(album: Album) -> tuple[str, Arrays]:
    """Source: Wang et al. 2019, Figure 2a and 2b."""
    return _binned(album, f"up to {album.settings.upper:g}", automatic=False)


@view("the same over the range of the FOSC found", attack_plots.bins)
def bins_auto_view(album: Album) -> tuple[str, Arrays]:
    """As `bins_view`."""
    return _binned(album, "nearly all of them", automatic=True)


@view("loss and FOSC of single climbs, step by step", attack_plots.trace)
def trace_view(album: Album) -> tuple[str, Arrays]:
    """Source: Wang et al. 2019, Figure 1."""
    found = climbs(album)
    single = picked(found, album.settings.traced, seed=album.settings.seed)
    return f"{_under(album, found)}, {len(single['index'])} of them", single


@view("accuracy, loss and FOSC of all climbs, step by step", attack_plots.step_curves)
def step_curves_view(album: Album) -> tuple[str, Arrays]:
    """As `trace_view`, of all climbs."""
    found = climbs(album)
    curves = step_curves(found, upper=album.settings.upper)
    return f"{_under(album, found)}, step by step", curves


@view(
    "accuracy of the network, and of others, under PGD with several settings",
    attack_plots.cross_table,
)
def cross_table_view(album: Album) -> tuple[str, Arrays]:
    """Of the subject and all networks beside it."""
    settings = album.settings
    arguments = {name: getattr(settings, name) for name in ("epsilon", "norm", "seed")}
    arrays = album.kept(
        "cross_table_found",
        lambda: cross_table(
            {each.name: each.network for each in album.subjects},
            album.batches(settings.cross_examples),
            **arguments,
        ),
        subjects=album.subjects,
        examples=settings.cross_examples,
        **arguments,
    )
    ball = f"{settings.norm} epsilon {settings.epsilon:.3g}"
    return f"Accuracy on {arrays['n']} test images under PGD, {ball}", arrays
