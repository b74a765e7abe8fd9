"""Draws what happens where weights move along a curve or a line, from `fosc_tf.analysis`.

figure = connectivity(arrays, "Between two seeds")
figure = perturbation_cosine({"random": arrays, "eigenvector": others}, "Turning perturbations")
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from fosc_tf.show import style

Arrays = Mapping[str, np.ndarray]
_PATHS = {"curve": "curve", "line": "straight line"}


@style.applied()
def connectivity(arrays: Arrays, title: str) -> Figure:
    """Draws loss and error along the curve and the straight line, clean and attacked.

    Args:
        arrays: of `analysis.connectivity`.
        title: of the picture.
    """
    figure, (panels,) = style.panels(1, 2, title)
    lines = [
        (f"{path}_{images}", f"{text}, {images}")
        for path, text in _PATHS.items()
        for images in ("clean", "attacked")
        if f"{path}_{images}_loss" in arrays
    ]
    for axes, kind, unit, scale in zip(
        panels, ("loss", "error"), ("nats", "%"), (1, 100), strict=True
    ):
        for (name, text), look in zip(lines, style.looks(len(lines)), strict=True):
            axes.plot(arrays["t"], scale * arrays[f"{name}_{kind}"], label=text, **look)
        style.label(axes, "t", f"{kind} ({unit})", 0.0)
    handles, texts = panels[0].get_legend_handles_labels()
    # Within a panel it would hide the top of the straight line.
    figure.legend(handles, texts, loc="outside lower center", ncols=4)
    return figure


@style.applied()
def perturbation_cosine(views: Mapping[str, Arrays], title: str) -> Figure:
    """Draws the cosine with its standard error, and the robust error, by the distance.

    The error is the mean of those on both sides.

    Args:
        views: arrays of `analysis.perturbation_cosine` by what their direction is called.
        title: of the picture.
    """
    figure, (panels,) = style.panels(1, 2, title)
    for look, (name, arrays) in zip(style.looks(len(views)), views.items(), strict=True):
        distance, text = arrays["distance"], style.named(name)
        panels[0].errorbar(
            distance, arrays["cosine"], arrays["standard_error"], label=text, capsize=2, **look
        )
        error = (arrays["error_plus"] + arrays["error_minus"]) / 2
        panels[1].plot(distance, 100 * error, label=text, **look)
    style.label(panels[0], "distance of the weights (l2)", "cosine of the perturbations")
    style.label(panels[1], "distance of the weights (l2)", "robust error (%)", 0.0)
    panels[0].legend()
    return figure
