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
    return layers({f"{name}_0": value for name, value in arrays.items()} | {"name": [""]}, title)


@style.applied()
def layers(arrays: Mapping[str, np.ndarray], title: str) -> Figure:
    """Draws a row of `channels` for each layer.

    Args:
        arrays: `name` [layers], and of layer I the arrays of `patterns` with "_I".
        title: of the picture.
    """
    names = [str(name) for name in arrays["name"]]
    figure, rows = style.panels(len(names), 2, title)
    found, random = style.looks(2)
    for place, (name, panels) in enumerate(zip(names, rows, strict=True)):
        for axes, side in zip(panels, ("inputs", "outputs"), strict=True):
            counts = arrays[f"{side}_{place}"]
            places = np.arange(1, len(counts) + 1)
            axes.plot(places, counts, label="subnetwork", **found)
            axes.plot(places, arrays[f"random_{side}_{place}"], label="random pruning", **random)
            empty, chance = (
                100 * float(arrays[f"{kind}empty_{side}_{place}"]) for kind in ("", "random_")
            )
            whose = f"{name}, {side}" if name else side
            axes.set_title(f"{whose}: {empty:.0f} % empty, random {chance:.0f} %")
            style.label(axes, f"{side}, sorted", "kept weights", 0.0)
    rows[0][0].legend()
    return figure
