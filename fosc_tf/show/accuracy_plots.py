"""Draws accuracies: against epsilon, of the runs of a sweep, and of single images.

figure = against_epsilon({"dynamic": rows}, num_classes=10, epsilon=0.3)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from fosc_tf.show import columns, style
from fosc_tf.show.columns import Rows
from fosc_tf.show.panel import image_panel


@style.applied()
def against_epsilon(curves: Mapping[str, Rows], num_classes: int, epsilon: float) -> Figure:
    """Draws accuracy against epsilon, one line for each network.

    Args:
        curves: rows of `results.json` at several epsilons, by the name of the network.
        num_classes: guessing is right once in so many.
        epsilon: radius of the evaluation, marked by a line.
    """
    figure, ((axes,),) = style.panels(1, 1, "Accuracy against epsilon", width=4.2, height=2.6)
    for look, (name, rows) in zip(style.looks(len(curves)), curves.items(), strict=True):
        points = [(columns.epsilon(row), 100 * row["accuracy"]) for row in rows]
        axes.plot(
            *zip(*points, strict=True), marker="o", label=style.named(name), markersize=4, **look
        )
    axes.axhline(100 / num_classes, color=style.GREY, linestyle=":", label="chance")
    axes.axvline(epsilon, color=style.GREY, linewidth=0.8, label="evaluation epsilon")
    style.label(axes, "epsilon (pixels in [0, 1])", "accuracy (%)", *style.PERCENT)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@style.applied()
def of_runs(rows: Rows) -> Figure:
    """Draws the accuracy of each label's last network under each attack, from `sweep.json`."""
    last = [row for row in rows if row["checkpoint"] == "last"]
    attacks = list(dict.fromkeys(row["attack"] for row in last))
    labels = list(dict.fromkeys(row["label"] for row in last))
    figure = Figure(figsize=(8, 1.5 + 0.5 * max(len(labels), 1)))
    axes = figure.subplots()
    if not last:
        style.remark(axes, "the last network of no run was measured")
        axes.set_axis_off()
        return figure
    apart = min(0.08, 0.7 / max(len(attacks), 1))
    for number, (attack, mark) in enumerate(zip(attacks, style.marks(len(attacks)), strict=True)):
        own = [row for row in last if row["attack"] == attack]
        axes.errorbar(
            [100 * row["accuracy"] for row in own],
            [labels.index(row["label"]) + apart * (number - len(attacks) / 2) for row in own],
            xerr=[100 * (row["standard_error"] or 0.0) for row in own],
            linestyle="none",
            markersize=4,
            label=style.named(attack),
            **mark,
        )
    axes.set_yticks(range(len(labels)), map(style.named, labels))
    axes.set_ylim(len(labels) - 0.5, -0.5)  # also where a single one would stretch
    # Of the figure: long labels leave the axes too narrow for it.
    title = "accuracy of the last network, % (bars: standard error over seeds)"
    figure.supxlabel(title, size="medium")
    figure.legend(loc="outside upper center", ncols=4)
    return figure


@style.applied()
def of_images(
    image: np.ndarray,
    image_adv: np.ndarray,
    label: np.ndarray,
    choice: np.ndarray,
    epsilon: float,
    classes: Sequence[str] = (),
) -> Figure:
    """Draws the panel of `image_panel` with each image's class and what it is taken for.

    Args:
        image: [n, h, w, c] float32 in [0, 1].
        image_adv: the same, attacked.
        label: [n] int, true classes.
        choice: [n] int, what the network takes the adversarial images for.
        epsilon: as for `image_panel`.
        classes: names of the classes; none shows their numbers.
    """
    panel, n = image_panel(image, image_adv, epsilon), len(image)
    title = "Class of each image, and below it the class that its adversarial one is taken for"
    figure, ((axes,),) = style.panels(1, 1, title, width=0.9 * n + 0.8, height=3.1)
    axes.imshow(panel, cmap="gray", vmin=0, vmax=1, interpolation="nearest", extent=(0, n, 3, 0))
    axes.vlines(range(1, n), 0, 3, color="white", linewidth=3)
    axes.hlines([1, 2], 0, n, color="white", linewidth=3)
    axes.grid(visible=False)
    axes.set_yticks([0.5, 1.5, 2.5], ["clean", "adversarial", "difference"])
    taken = axes.secondary_xaxis("bottom")
    for each, numbers in ((axes, label), (taken, choice)):
        named = [classes[number] if classes else str(number) for number in numbers]
        each.set_xticks(np.arange(n) + 0.5, named)
        each.tick_params(length=0)
        each.spines[:].set_visible(False)
    axes.xaxis.tick_top()
    for text, right in zip(taken.get_xticklabels(), choice == label, strict=True):
        text.set_color(style.COLOURS[2] if right else style.COLOURS[1])
    return figure
