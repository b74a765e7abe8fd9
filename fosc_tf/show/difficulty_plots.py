"""Draws hard and easy training examples, and overfitting, from the arrays of `fosc_tf.analysis`.

figure = groups(fosc_tf.analysis.groups_by_epoch(recording), "digits_standard: ten groups")
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fosc_tf.show import style

Arrays = Mapping[str, np.ndarray]
_SHOWN = (0, 3, 6, 9)
_CLASSES = 20  # rows of images, at most


@style.applied()
def groups(arrays: Arrays, title: str) -> Figure:
    """Draws the loss of groups G0, G3, G6 and G9, the errors, and all groups' feature norms.

    Source: Liu 2022 (thesis), section 4.3.2.

    Args:
        arrays: of `analysis.groups_by_epoch`.
        title: of the picture.
    """
    norms = np.isfinite(arrays["norm"]).any()
    figure, (panels,) = style.panels(1, 3 if norms else 2, title, height=2.8)
    epochs = arrays["epoch"] + 1
    for number, look in zip(_SHOWN, style.looks(len(_SHOWN)), strict=True):
        panels[0].plot(epochs, arrays["loss"][:, number], label=f"G{number}", **look)
    _by_epoch(panels[0], "mean loss (nats)", 0)
    panels[0].set_title("G0 hardest, G9 easiest")
    panels[0].legend()
    names = {"training_error": "training", "held_out_error": "held out"}
    for (name, text), look in zip(names.items(), style.looks(2), strict=True):
        if np.isfinite(arrays[name]).any():
            panels[1].plot(epochs, 100 * arrays[name], label=text, **look)
    _by_epoch(panels[1], "error under attack (%)", *style.PERCENT)
    if panels[1].lines:
        panels[1].legend()
    if norms:
        panels[2].bar(arrays["group"], arrays["norm"], width=0.8)
        panels[2].set_xticks(arrays["group"], [f"G{number}" for number in arrays["group"]])
        style.label(panels[2], "group", "l2 norm of features, last network", 0)
    return figure


@style.applied()
def hardest(arrays: Arrays, title: str) -> Figure:
    """Draws a row of images for each class: the hardest on the left, the easiest on the right.

    Of more than 20 classes the first 20.

    Args:
        arrays: of `analysis.hardest`.
        title: of the picture.
    """
    image, classes = arrays["image"][:_CLASSES], arrays["class"][:_CLASSES]
    rows, columns, height, width, channels = image.shape
    panel = image.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, channels)
    figure, ((axes,),) = style.panels(
        1, 1, title, width=0.55 * columns + 0.9, height=0.55 * rows + 0.5
    )
    extent = (0, columns, rows, 0)
    axes.imshow(panel, cmap="gray", vmin=0, vmax=1, interpolation="nearest", extent=extent)
    axes.hlines(range(1, rows), 0, columns, color="white", linewidth=2)
    axes.vlines(range(1, columns), 0, rows, color="white", linewidth=2)
    axes.axvline(columns / 2, color=style.COLOURS[1], linewidth=3)
    axes.grid(visible=False)
    axes.set_yticks(np.arange(rows) + 0.5, [f"class {each}" for each in classes])
    axes.set_xticks([columns / 4, 3 * columns / 4], ["hardest", "easiest"])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


@style.applied()
def overfitting(arrays: Arrays, title: str) -> Figure:
    """Draws robust accuracy on training and on held-out images and their gap.

    Args:
        arrays: of `analysis.overfitting`.
        title: of the picture.
    """
    figure, (panels,) = style.panels(1, 2, title, height=2.8)
    epochs = arrays["epoch"] + 1
    names = {"training": "training", "held_out": "held out"}
    for (name, text), look in zip(names.items(), style.looks(2), strict=True):
        panels[0].plot(epochs, 100 * arrays[name], "o", markersize=2.5, color=look["color"])
        panels[0].plot(epochs, 100 * arrays[name], label=text, **look)
    panels[0].axvline(arrays["best"] + 1, color=style.GREY, linestyle=":", label="best epoch")
    _by_epoch(panels[0], "accuracy under attack (%)", *style.PERCENT)
    panels[0].legend()
    panels[1].plot(epochs, 100 * arrays["gap"], "o-", markersize=2.5)
    panels[1].axhline(0, color=style.GREY, linewidth=0.8)
    panels[1].set_title("training less held out")
    _by_epoch(panels[1], "percentage points")
    return figure


def _by_epoch(axes: Axes, *labels: object) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    style.label(axes, "epoch", *labels)
