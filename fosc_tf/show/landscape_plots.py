"""Draws the loss around an image and the climbs in it, from `fosc_tf.analysis.landscape`.

figure = landscapes({"epoch 1": arrays, "epoch 10": others}, "A digit of the test set")
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fosc_tf.show import style

Arrays = Mapping[str, np.ndarray]
_LEVELS = 16


@style.applied()
def landscapes(views: Mapping[str, Arrays], title: str) -> Figure:
    """Draws the loss of each view as a map with one scale, and its climbs with their last loss.

    Source: Ye et al. 2021, Figures 1 and 5, which are surfaces seen from the side. Departure: seen
    from above, so that nothing hides a climb.

    Args:
        views: arrays of `analysis.landscape` by what their panel is called.
        title: of the picture.
    """
    climbs = max(len(each["name"]) for each in views.values())
    height = 3.3 + 0.17 * climbs
    width = 3.3 + 0.8 / len(views)  # the scale stands beside the last one
    figure, (panels,) = style.panels(1, len(views), title, width=width, height=height)
    lowest = min(float(each["loss"].min()) for each in views.values())
    highest = max(float(each["loss"].max()) for each in views.values())
    levels = MaxNLocator(_LEVELS).tick_values(lowest, max(highest, lowest + 1e-6))
    for axes, (name, arrays) in zip(panels, views.items(), strict=True):
        grid = arrays["x"], arrays["y"], arrays["loss"]
        surface = axes.contourf(*grid, levels=levels, cmap=style.MAP)
        axes.contour(*grid, levels=levels, colors="white", linewidths=0.3, alpha=0.5)
        _climbs(axes, arrays)
        axes.set_title(style.named(name))
        axes.set_aspect("equal")
        axes.grid(visible=False)
        style.label(axes, "along the climbs (l2)", "across them (l2)")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2))
    beside = panels[-1].inset_axes((1.05, 0.0, 0.05, 1.0))
    figure.colorbar(surface, cax=beside, label="loss (nats)")
    return figure


def _climbs(axes: Axes, arrays: Arrays) -> None:
    for i, (name, look) in enumerate(
        zip(arrays["name"], style.marks(len(arrays["name"])), strict=True)
    ):
        path, last = arrays[f"path_{i}"], arrays[f"height_{i}"][-1]
        steps = len(path) - 1
        text = f"{style.named(str(name))}: loss {last:.2f}"
        # A white edge: the map has the colours of some lines.
        axes.plot(*path.T, color="white", linewidth=3.0, zorder=2)
        axes.plot(*path.T, linewidth=1.4, zorder=3, color=look["color"])
        axes.plot(
            *path[:: max(1, steps // 10)].T,
            linestyle="none",
            markersize=4,
            markeredgecolor="white",
            markeredgewidth=0.5,
            zorder=4,
            label=text,
            **look,
        )
    axes.plot(0, 0, "P", color="white", markeredgecolor="black", markersize=7, zorder=5)
