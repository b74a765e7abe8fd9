"""Draws what attacks do to a network, from the arrays of `fosc_tf.analysis`.

figure = bins(arrays, "Test images under PGD-10")
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fosc_tf.show import style
from fosc_tf.show.columns import signed

Arrays = Mapping[str, np.ndarray]


@style.applied()
def bins(arrays: Arrays, title: str) -> Figure:
    """Draws accuracy, mean loss and number of examples over FOSC, a column for each criterion.

    Args:
        arrays: `CRITERION_FIELD` for ball and box and the fields of `analysis.Bins`.
        title: of the picture.
    """
    figure, panels = style.panels(3, 2, title, height=1.7, sharex="col")
    for column, (criterion, colour) in zip(panels.T, style.CRITERION.items(), strict=True):
        start = f"{criterion}_"
        own = {name[len(start) :]: arrays[name] for name in arrays if name.startswith(start)}
        edges, count = own["edges"], own["count"]
        centre = (edges[1:] + edges[:-1]) / 2
        for axes, name, label, scale, limits in (
            (column[0], "accuracy", "accuracy (%)", 100, style.PERCENT),
            (column[1], "loss", "mean loss (nats)", 1, (0, None)),
        ):
            axes.plot(centre, scale * own[name], "o-", markersize=4, color=colour)
            correlation = signed(own[f"{name}_correlation"])
            axes.set_title(f"{criterion}: r of FOSC and {name} {correlation}")
            style.label(axes, "", label, *limits)
            if not count.any():
                style.remark(axes, f"no example up to {edges[-1]:g}")
        column[2].bar(centre, count, width=0.9 * np.diff(edges), color=colour)
        column[2].set_title(f"{count.sum()} examples, {own['outside']} beyond")
        column[2].yaxis.set_major_locator(MaxNLocator(5, integer=True))
        style.label(column[2], f"{criterion} {style.FOSC}", "examples")
        column[2].set_xlim(edges[0], edges[-1])
    return figure


@style.applied()
def trace(arrays: Arrays, title: str) -> Figure:
    """Draws FOSC and loss of single examples at each step, from `analysis.picked`."""
    figure, (panels,) = style.panels(1, 3, title)
    names = {"fosc_ball": f"ball {style.FOSC}", "fosc_box": f"box {style.FOSC}"}
    holds = arrays["hit"][-1]
    groups = (("right at the end", holds), ("misclassified at the end", ~holds))
    for axes, (name, label) in zip(panels, {**names, "loss": "loss (nats)"}.items(), strict=True):
        for (text, members), look in zip(groups, style.looks(2), strict=True):
            lines = axes.plot(arrays[name][:, members], alpha=0.65, linewidth=1.1, **look)
            if lines:
                lines[0].set_label(f"{text} ({members.sum()})")
        style.label(axes, "PGD step", label, 0)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


@style.applied()
def step_curves(arrays: Arrays, title: str) -> Figure:
    """Draws loss, FOSC, share of small FOSC and accuracy, from `analysis.step_curves`."""
    figure, panels = style.panels(2, 2, title, height=2.3, sharex="all")
    step, colour = arrays["step"], style.COLOURS[2]
    (loss, fosc), (share, accuracy) = panels
    _band(loss, arrays, "loss", colour)
    lowest, *_, highest = arrays["loss_quantiles"]
    loss.fill_between(step, lowest, highest, color=colour, alpha=0.12, linewidth=0)
    for criterion, own in style.CRITERION.items():
        _band(fosc, arrays, f"fosc_{criterion}", own, criterion)
        share.plot(step, 100 * arrays[f"fosc_{criterion}_share"], color=own, label=criterion)
    accuracy.plot(step, 100 * arrays["accuracy"], color=colour)
    style.label(loss, "", "loss (nats)", 0)
    style.label(fosc, "", style.FOSC, 0)
    style.label(share, "PGD step", f"share in [0, {arrays['upper']:g}] (%)", *style.PERCENT)
    style.label(accuracy, "PGD step", "accuracy (%)", *style.PERCENT)
    loss.set_title("mean, and the middle 50 % and 90 %")
    fosc.set_title("mean, and the middle 50 %")
    fosc.legend()
    share.legend()
    return figure


@style.applied()
def cross_table(arrays: Arrays, title: str) -> Figure:
    """Draws accuracy as two heat maps: by step size at 20 steps, by steps at epsilon / 6.

    Args:
        arrays: of `analysis.cross_table` with its own settings.
        title: of the picture.
    """
    steps, divisor = arrays["num_steps"], arrays["divisor"]
    sizes = [f"ε/{each:g}" if each != 1 else "ε" for each in divisor]
    by_steps = np.argsort(steps, kind="stable")
    parts = (
        (np.flatnonzero(steps == 20), sizes, "step size, 20 steps"),
        (by_steps[divisor[by_steps] == 6], steps, "steps of ε/6"),
    )
    rows = len(arrays["network"])
    height = 0.9 + 0.42 * rows
    figure, (panels,) = style.panels(1, 2, title, width=4.2, height=height, sharey="row")
    for axes, (chosen, names, label) in zip(panels, parts, strict=True):
        values = 100 * arrays["accuracy"][:, chosen]
        image = axes.imshow(values, cmap=style.MAP, vmin=0, vmax=100, aspect="auto")
        for (row, column), value in np.ndenumerate(values):
            colour = "black" if value > 47 else "white"  # where both stand out alike
            axes.text(column, row, f"{value:.1f}", ha="center", va="center", color=colour)
        axes.set_xticks(range(len(chosen)), [names[i] for i in chosen])
        axes.set_yticks(range(rows), map(style.named, arrays["network"]))
        axes.grid(visible=False)
        axes.set_xlabel(label)
    panels[0].set_ylabel("network")
    figure.colorbar(image, ax=panels.tolist(), label="accuracy (%)")
    return figure


def _band(axes: Axes, arrays: Arrays, name: str, colour: str, label: str = "") -> None:
    """Draws the mean over the band from 25 to 75 %."""
    _, low, _, high, _ = arrays[f"{name}_quantiles"]
    axes.fill_between(arrays["step"], low, high, color=colour, alpha=0.25, linewidth=0)
    axes.plot(arrays["step"], arrays[f"{name}_mean"], color=colour, label=label)
