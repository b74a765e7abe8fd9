"""Draws where the kept weights of a subnetwork stand, from `fosc_tf.subnetworks.patterns`.

figure = channels(patterns(subnetwork)["stage3_block2_conv1"], "A convolution of the third stage")
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from fosc_tf.show import style


@style.applied()
def channels(arrays: Mapping[str, np.ndarray], title: str) -> Figure:
    """Draws the kept weights of each input and output channel, the fullest first.

    Beside them stand those of a random pruning; above, the shares of empty channels.

    Source: Liu 2022 (thesis), section 5.1, its figures of patterns.

    Args:
        arrays: of one layer.
        title: of the picture.
    """
    figure, (panels,) = style.panels(1, 2, title)
    found, random = style.looks(2)
    for axes, name in zip(panels, ("inputs", "outputs"), strict=True):
        counts = arrays[name]
        places = np.arange(1, len(counts) + 1)
        axes.plot(places, counts, label="subnetwork", **found)
        axes.plot(places, arrays[f"random_{name}"], label="random pruning", **random)
        empty, chance = (100 * arrays[f"{kind}empty_{name}"] for kind in ("", "random_"))
        axes.set_title(f"{name}: {empty:.0f} % empty, random {chance:.0f} %")
        style.label(axes, f"{name}, sorted", "kept weights", 0.0)
    panels[0].legend()
    return figure
