"""Draws the views: one function takes the arrays of one view and returns its figure.

with style.applied():
    store.picture("bins", plots.bins(arrays, "Test images under PGD-10"))
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fosc_tf import style
from fosc_tf.analysis.traces import Arrays

_FOSC = "FOSC (nats)"


def bins(arrays: Arrays, title: str) -> Figure:
    """Draws accuracy, mean loss and number of examples over FOSC, a column for each criterion.

    Args:
        arrays: `CRITERION_FIELD` for ball and box and the fields of `Bins`.
        title: of the picture.
    """
    figure, panels = style.panels(3, 2, title, height=1.7, sharex="col")
    for column, criterion in zip(panels.T, style.CRITERION, strict=True):
        edges, count, accuracy, loss = (
            arrays[f"{criterion}_{name}"] for name in ("edges", "count", "accuracy", "loss")
        )
        centre, look = (edges[1:] + edges[:-1]) / 2, {"color": style.CRITERION[criterion]}
        drawn = (
            (100 * accuracy, "accuracy", "accuracy (%)"),
            (loss, "loss", "mean loss (nats)"),
        )
        for axes, (values, name, label) in zip(column, drawn, strict=False):
            axes.plot(centre, values, "o-", markersize=4, **look)
            correlation = float(arrays[f"{criterion}_{name}_correlation"])
            axes.set_title(f"{criterion}: r of FOSC and {name} {_signed(correlation)}")
            style.label(axes, "", label)
            if not count.any():
                style.remark(axes, f"no example up to {edges[-1]:g}")
        column[0].set_ylim(-4, 104)
        column[1].set_ylim(bottom=0)
        column[2].bar(centre, count, width=0.9 * np.diff(edges), **look)
        column[2].set_title(f"{count.sum()} examples, {arrays[f'{criterion}_outside']} beyond")
        style.label(column[2], f"{criterion} {_FOSC}", "examples")
        column[2].set_xlim(edges[0], edges[-1])
    return figure


def trace(arrays: Arrays, title: str) -> Figure:
    """Draws FOSC and loss of single examples at each step.

    Args:
        arrays: of `picked`.
        title: of the picture.
    """
    figure, panels = style.panels(1, 3, title)
    names = {"fosc_ball": f"ball {_FOSC}", "fosc_box": f"box {_FOSC}", "loss": "loss (nats)"}
    holds = arrays["hit"][-1]
    groups = (("right at the end", holds, 0), ("misclassified at the end", ~holds, 1))
    for axes, (name, label) in zip(panels[0], names.items(), strict=True):
        for text, members, number in groups:
            lines = axes.plot(arrays[name][:, members], alpha=0.65, linewidth=1.1)
            for line in lines:
                line.set(**style.looks(2)[number])
            if lines:
                lines[0].set_label(f"{text} ({members.sum()})")
        style.label(axes, "PGD step", label)
        axes.set_ylim(bottom=0)
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def step_curves(arrays: Arrays, title: str) -> Figure:
    """Draws loss, FOSC, share of small FOSC and accuracy against the step.

    Args:
        arrays: of `step_curves`.
        title: of the picture.
    """
    figure, panels = style.panels(2, 2, title, height=2.3, sharex="all")
    step = arrays["step"]
    (loss, fosc), (share, accuracy) = panels
    _band(loss, step, arrays, "loss", style.COLOURS[2])
    style.label(loss, "", "loss (nats)")
    for criterion, colour in style.CRITERION.items():
        _band(fosc, step, arrays, f"fosc_{criterion}", colour, criterion, outer=False)
        share.plot(step, 100 * arrays[f"fosc_{criterion}_share"], color=colour, label=criterion)
    style.label(fosc, "", _FOSC)
    style.label(share, "PGD step", f"share in [0, {arrays['upper']:g}] (%)")
    share.set_ylim(-4, 104)
    accuracy.plot(step, 100 * arrays["accuracy"], color=style.COLOURS[2])
    style.label(accuracy, "PGD step", "accuracy (%)")
    accuracy.set_ylim(-4, 104)
    loss.set_title("mean, and the middle 50 % and 90 %")
    fosc.set_title("mean, and the middle 50 %")
    for axes in (fosc, share):
        axes.legend()
    return figure


def cross_table(arrays: Arrays, title: str) -> Figure:
    """Draws accuracy as two heat maps: by step size at 20 steps, by steps at epsilon / 6.

    Args:
        arrays: of `cross_table` with its own settings.
        title: of the picture.
    """
    by_size, by_steps = arrays["num_steps"] == 20, arrays["divisor"] == 6
    names = [f"ε/{divisor:g}" if divisor != 1 else "ε" for divisor in arrays["divisor"]]
    parts = (
        (by_size, names, "step size, 20 steps"),
        (by_steps, [str(steps) for steps in arrays["num_steps"]], "steps of ε/6"),
    )
    rows = len(arrays["network"])
    figure, panels = style.panels(1, 2, title, width=4.2, height=0.9 + 0.42 * rows, sharey="row")
    for axes, (chosen, names, label) in zip(panels[0], parts, strict=True):
        order = np.flatnonzero(chosen)
        if label.startswith("steps"):
            order = order[np.argsort(arrays["num_steps"][order], kind="stable")]
        values = 100 * arrays["accuracy"][:, order]
        image = axes.imshow(values, cmap=style.MAP, vmin=0, vmax=100, aspect="auto")
        for row, column in np.ndindex(values.shape):
            colour = "black" if values[row, column] > 55 else "white"
            text = f"{values[row, column]:.1f}"
            axes.text(column, row, text, ha="center", va="center", color=colour)
        axes.set_xticks(range(len(order)), [names[i] for i in order])
        axes.set_yticks(range(rows), arrays["network"])
        axes.grid(visible=False)
        axes.set_xlabel(label)
    panels[0][0].set_ylabel("network")
    figure.colorbar(image, ax=panels[0].tolist(), label="accuracy (%)")
    return figure


def _band(
    axes: Axes,
    x: np.ndarray,
    arrays: Arrays,
    name: str,
    colour: str,
    label: str = "",
    *,
    outer: bool = True,
) -> None:
    """Draws the mean over the band from 25 to 75 % and, with `outer`, that from 5 to 95 %."""
    lowest, low, _, high, highest = arrays[f"{name}_quantiles"]
    if outer:
        axes.fill_between(x, lowest, highest, color=colour, alpha=0.12, linewidth=0)
    axes.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)
    axes.plot(x, arrays[f"{name}_mean"], color=colour, label=label)
    axes.set_ylim(bottom=0)


def _signed(value: float) -> str:
    return f"{value:+.3f}" if np.isfinite(value) else "undefined"
