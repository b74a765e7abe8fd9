"""The view of a subnetwork: where its kept weights stand, layer by layer.

VIEWS["channels"].add_to(album)
"""

from __future__ import annotations

import numpy as np

from fosc_tf.analysis.store import Arrays
from fosc_tf.analysis.view import WEIGHTS, Absent, Album, view
from fosc_tf.models.masked import Masked
from fosc_tf.show import subnetwork_plots
from fosc_tf.subnetworks import patterns

LAYERS = 4


@view(
    "kept weights of a subnetwork by channel, beside pruning at random",
    subnetwork_plots.layers,
    section=WEIGHTS,
)
def channels_view(album: Album) -> tuple[str, Arrays]:
    """Returns the `name` of the largest masked layers, and what `patterns` tells of layer I as X_I.

    Source: Liu 2022 (thesis), section 5.1.
    """
    network = album.subject.network
    flat = getattr(network, "_flatten_layers", tuple)()
    if not any(isinstance(layer, Masked) for layer in flat):
        raise Absent(None)
    found = patterns(network, seed=album.settings.seed)
    largest = sorted(found, key=lambda name: -found[name]["mask"].size)[:LAYERS]
    names = [name for name in found if name in largest]
    arrays = {"name": np.array(names)}
    for place, name in enumerate(names):
        arrays |= {f"{key}_{place}": np.asarray(value) for key, value in found[name].items()}
    return f"{album.subject.name}: weights that are kept, by channel", arrays
