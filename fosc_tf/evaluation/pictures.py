"""The pictures that only a report needs: training curves, sweep and adversarial examples.

data = training_curves(rows)      # the bytes of a PNG
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from fosc_tf.style import COLOURS, looks

Rows = Sequence[Mapping[str, Any]]


def training_curves(history: Rows) -> bytes:
    """Returns accuracies, cost and FOSC against epochs, from the rows of `history.json`."""
    figure = _figure(1, 3)
    left, middle, right = figure.axes
    for color, (name, label) in zip(
        COLOURS,
        {
            "accuracy": "training, attacked",
            "held_out_clean": "held out, clean",
            "held_out_robust": "held out, attacked",
        }.items(),
        strict=False,
    ):
        _curve(left, history, name, label, color, scale=100)
    left.set_ylabel("accuracy (%)")
    _curve(middle, history, "gradients", "per example", COLOURS[0])
    middle.set_ylabel("attack gradients")
    middle.set_ylim(bottom=0)
    _curve(right, history, "fosc", "mean FOSC", COLOURS[0])
    _curve(right, history, "threshold", "threshold c_t", COLOURS[1])
    right.set_ylabel("nats")
    right.set_ylim(bottom=0)
    for axes in figure.axes:
        axes.set_xlabel("epoch")
        if axes.lines:
            axes.legend(frameon=False, fontsize=8)
    return _png(figure)


def sweep_plot(curves: Mapping[str, Rows], num_classes: int, epsilon: float) -> bytes:
    """Returns accuracy against epsilon, one line for each network of `curves` by name.

    Args:
        curves: rows of `sweep` by the name of the network.
        num_classes: guessing is right once in so many.
        epsilon: radius of the evaluation, marked by a line.
    """
    figure = _figure(1, 1)
    axes = figure.axes[0]
    for look, (name, rows) in zip(looks(len(curves)), curves.items(), strict=True):
        points = [(row["parameters"]["epsilon"], 100 * row["accuracy"]) for row in rows]
        axes.plot(*zip(*points, strict=True), marker="o", label=name, markersize=4, **look)
    axes.axhline(100 / num_classes, color="grey", linestyle=":", label="chance")
    axes.axvline(epsilon, color="grey", linewidth=0.8, label="evaluation epsilon")
    axes.set(xlabel="epsilon (pixels in [0, 1])", ylabel="accuracy (%)", ylim=(0, 100))
    axes.legend(frameon=False, fontsize=8)
    return _png(figure)


def examples(
    image: np.ndarray, image_adv: np.ndarray, label: np.ndarray, choice: np.ndarray, epsilon: float
) -> bytes:
    """Returns a panel: clean images, adversarial ones with what they are taken for, differences.

    Args:
        image: [n, h, w, c] float32 in [0, 1].
        image_adv: the same, attacked.
        label: [n] int, true classes.
        choice: [n] int, what the network takes the adversarial images for.
        epsilon: a difference of epsilon is drawn white, of -epsilon black.
    """
    figure = _figure(3, len(image), size=(1.1 * len(image), 3.9))
    difference = np.clip(0.5 + (image_adv - image) / (2 * epsilon), 0, 1)
    for row, (name, pictures) in enumerate(
        {"clean": image, "adversarial": image_adv, "difference": difference}.items()
    ):
        for column, picture in enumerate(pictures):
            axes = figure.axes[row * len(image) + column]
            axes.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
            if column == 0:
                axes.set_ylabel(name, fontsize=9)
            if row == 0:
                axes.set_title(f"{label[column]}", fontsize=9)
            if row == 1:
                right = choice[column] == label[column]
                color = COLOURS[2] if right else COLOURS[1]
                axes.set_title(f"{choice[column]}", fontsize=9, color=color)
    return _png(figure)


def _figure(rows: int, columns: int, size: tuple[float, float] | None = None) -> Figure:
    matplotlib.use("Agg", force=False)
    figure = Figure(figsize=size or (max(4.6, 3.6 * columns), 3.2), layout="constrained")
    figure.subplots(rows, columns)
    return figure


def _curve(axes: Any, history: Rows, name: str, label: str, color: str, scale: float = 1) -> None:
    points = [(row["epoch"] + 1, scale * row[name]) for row in history if name in row]
    if points:
        axes.plot(*zip(*points, strict=True), color=color, label=label)


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=130)
    return file.getvalue()
