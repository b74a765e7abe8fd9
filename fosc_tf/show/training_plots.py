"""Draws training: densities of FOSC and loss, and what was recorded epoch by epoch.

figures = history(rows)      # of `history.json`: accuracy, gradients, FOSC
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from fosc_tf.show import style
from fosc_tf.show.columns import Rows

Arrays = Mapping[str, np.ndarray]
_LOGARITHM, _LEAST = "log10 (l2)", 1e-12
"""A unit that is drawn as a logarithm, and the least number that it is taken of."""
_COURSE = {
    "share": ("examples with FOSC in [0, {upper:g}]", "%", 100),
    "gradients": ("attack gradients per example", "gradients", 1),
    "threshold": ("threshold c_t", "nats", 1),
    "frozen": ("stopped before the last step", "% of examples", 100),
}
_ADAPTED = {
    "radius": "radius",
    "target": "label's share of the target",
    "target_right": "targets that are right",
    "weight": "weight, of mean 1",
}
_UPDATES = {
    "gradient_norm": ("gradient norm", "nats per unit of weight", 1),
    "distance": ("distance from the start", "l2", 1),
    "error": ("robust training error", "% of the batch", 100),
}
_HISTORY = {
    "accuracy": (
        "Accuracy",
        "%",
        {
            "held_out_clean": "held out, clean",
            "held_out_robust": "held out, attacked",
            "held_out_verified": "held out, proved",
            "verified": "training, proved at the epoch's epsilon",
            "accuracy": "training, attacked",
        },
    ),
    "gradients": ("Attack gradients per example", "gradients", {"gradients": ""}),
    "fosc": (
        "FOSC of the training attacks",
        "nats",
        {"fosc": "mean", "threshold": "threshold c_t"},
    ),
    "linearity": (
        "Input gradients at held-out images",
        "",
        {"gradient_alignment": "alignment", "convergence_ratio": "convergence ratio"},
    ),
    "lipschitz": (
        "Bound of the Lipschitz constant of the logits",
        _LOGARITHM,
        {"lipschitz": ""},
    ),
}


@style.applied()
def last_epoch(arrays: Arrays, title: str) -> Figure:
    """Draws the densities of FOSC and loss, a line for each setting of `analysis.last_epoch`."""
    figure, (panels,) = style.panels(1, 2, title)
    settings = zip(arrays["setting"], arrays["epoch"], strict=True)
    texts = [f"{name}, epoch {epoch + 1}" for name, epoch in settings]
    labels = {"fosc": style.FOSC, "loss": "loss (nats)"}
    for axes, (name, label) in zip(panels, labels.items(), strict=True):
        _densities(axes, arrays[f"{name}_grid"], arrays[f"{name}_density"], texts, label)
        if not axes.lines:
            style.remark(axes, "loss was not recorded")
    _legend_below(figure)
    return figure


@style.applied()
def fosc_by_epoch(arrays: Arrays, title: str) -> Figure:
    """Draws the density of FOSC at each chosen epoch, from `analysis.fosc_by_epoch`."""
    figure, ((axes,),) = style.panels(1, 1, title, width=4.2, height=2.9)
    texts = [
        f"epoch {epoch + 1}: {100 * share:.0f} % in [0, {arrays['upper']:g}]"
        for epoch, share in zip(arrays["epoch"], arrays["share"], strict=True)
    ]
    _densities(axes, arrays["grid"], arrays["density"], texts, style.FOSC)
    _legend_below(figure)
    return figure


@style.applied()
def course(arrays: Arrays, title: str) -> Figure:
    """Draws a panel for each quantity of `analysis.course` that was recorded; epochs from 1."""
    drawn = [name for name in _COURSE if np.isfinite(arrays[name]).any()]
    shape = -(-len(drawn) // 2), min(len(drawn), 2)
    figure, panels = style.panels(*shape, title, height=2.1)
    for axes in panels.flat[len(drawn) :]:
        axes.set_visible(False)
    for axes, name in zip(panels.flat, drawn, strict=False):
        text, unit, scale = _COURSE[name]
        axes.plot(arrays["epoch"] + 1, scale * arrays[name], "o-", markersize=3)
        axes.set_title(text.format(upper=float(arrays["upper"])))
        _by_epoch(axes, unit, 0, 104 if scale == 100 else None)
    return figure


@style.applied()
def gradient_norms(arrays: Arrays, title: str) -> Figure:
    """Draws how the norms of `analysis.gradient_norms` are spread in each epoch."""
    figure, ((axes,),) = style.panels(1, 1, title, width=4.2, height=2.9)
    edges, looks = arrays["edges"], style.looks(len(arrays["epoch"]))
    for epoch, share, look in zip(arrays["epoch"], arrays["share"], looks, strict=True):
        heights = np.concatenate([100 * share, [0.0]])
        axes.plot(edges, heights, drawstyle="steps-post", label=f"epoch {epoch + 1}", **look)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(numticks=6))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    style.label(axes, "l2 norm of the input gradient (nats per unit)", "% of images", 0)
    _legend_below(figure)
    return figure


@style.applied()
def updates(arrays: Arrays, title: str) -> Figure:
    """Draws each quantity of `analysis.updates` against updates: the first ones, the last ones."""
    parts = [part for part in ("first", "last") if len(arrays[f"{part}_update"])]
    figure, panels = style.panels(len(_UPDATES), len(parts), title, height=1.9, sharey="row")
    for row, (name, (text, unit, scale)) in zip(panels, _UPDATES.items(), strict=True):
        for axes, part in zip(row, parts, strict=True):
            values = scale * arrays[f"{part}_{name}"]
            axes.plot(arrays[f"{part}_update"], values, linewidth=0.8)
            axes.set_title(f"{text}, {part} updates")
            axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
            if name == "gradient_norm" and np.all(values > 0):
                axes.set_yscale("log")
                axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
                axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
                axes.yaxis.set_minor_locator(NullLocator())
            style.label(axes, "update", unit)
    return figure


@style.applied()
def adaptation(arrays: Arrays, title: str) -> Figure:
    """Draws a panel for each value of `analysis.adaptation`: its means, from hard to easy."""
    names = [name for name in arrays if f"correlation_{name}" in arrays]
    figure, (panels,) = style.panels(1, len(names), title, height=2.6)
    places = arrays["group"] + 0.5
    for axes, name in zip(panels, names, strict=True):
        axes.bar(places, arrays[name], width=0.8)
        axes.set_title(
            f"{_ADAPTED.get(name, name)}, correlation {arrays[f'correlation_{name}']:.2f}"
        )
        axes.set_xticks([0, 5, 10], ["hardest", "", "easiest"])
        style.label(axes, "tenths of the training examples", "mean", 0)
    return figure


@style.applied()
def history(rows: Rows) -> dict[str, Figure]:
    """Draws accuracies, cost and FOSC against epochs, from 1; a picture for each that is known.

    Args:
        rows: of `history.json`.

    Returns:
        Figures by "accuracy", "gradients", "fosc", "linearity" and "lipschitz".
    """
    return {
        name: _curves(rows, *facts)
        for name, facts in _HISTORY.items()
        if any(field in row for field in facts[2] for row in rows)
    }


@style.applied()
def costs(histories: Mapping[str, Sequence[Rows]]) -> Figure:
    """Draws cost by epoch, and held-out robust accuracy by the cost so far.

    Args:
        histories: by label, the rows of `history.json` of each seed. Lines are means over the
            seeds; labels that spend no attack gradients have none. Accuracy that was not measured
            in every epoch has a point for each one where it was.
    """
    figure, ((left, right),) = style.panels(1, 2, "Cost of training", width=4.2, height=3.0)
    for (label, runs), look in zip(histories.items(), style.looks(len(histories)), strict=True):
        gradients, robust = _means(runs, "gradients"), _means(runs, "held_out_robust")
        if np.isnan(gradients).all():  # no attack while training
            continue
        # Points too: a line through a single one is not seen.
        look |= {"marker": "o", "markersize": 2.5}
        left.plot(np.arange(1, len(gradients) + 1), gradients, label=style.named(label), **look)
        known = np.isfinite(robust)
        if known.any():
            right.plot(np.cumsum(gradients)[known], 100 * robust[known], **look)
    _by_epoch(left, "attack gradients per example", 0)
    style.label(right, "attack gradients per example so far", "held-out robust accuracy (%)")
    right.set_xlim(left=0)
    if all(len(line.get_xdata()) < 2 for line in right.lines):
        right.set_ylim(*style.PERCENT)
    if left.lines:
        figure.legend(loc="outside lower center", ncols=2)
    for axes, text in (
        (left, "no training with attacks"),
        (right, "no held-out robust accuracy\nof training with attacks"),
    ):
        if not axes.lines:
            style.remark(axes, text)
            axes.set_xticks([])
            axes.set_yticks([])
    return figure


def _curves(rows: Rows, title: str, unit: str, names: Mapping[str, str]) -> Figure:
    """Draws the fields `names` of each epoch; the legend stands below, where it hides nothing."""
    figure, ((axes,),) = style.panels(1, 1, title, width=4.2, height=2.6)
    for (name, label), look in zip(names.items(), style.looks(len(names)), strict=True):
        known = [row for row in rows if name in row]
        values = [(100 if unit == "%" else 1) * row[name] for row in known]
        if unit == _LOGARITHM:
            values = np.log10(np.maximum(values, _LEAST))
        if known:
            epochs = [row["epoch"] + 1 for row in known]
            axes.plot(epochs, values, marker="o", markersize=3, label=label, **look)
    _by_epoch(axes, unit, *{"%": style.PERCENT, _LOGARITHM: ()}.get(unit, (0,)))
    if len(axes.lines) > 1:
        figure.legend(loc="outside lower center", ncols=3)
    return figure


def _by_epoch(axes: Axes, *labels: Any) -> None:
    """Names the axes; whole epochs, also where there is a single one."""
    epochs = {float(epoch) for line in axes.lines for epoch in line.get_xdata()}
    if len(epochs) == 1:
        (only,) = epochs
        axes.set_xlim(only - 1, only + 1)
        axes.set_xticks([only])
    elif epochs:
        first, last = min(epochs), max(epochs)
        aside = min(0.5, 0.05 * (last - first))  # so that no tick says 0
        axes.set_xlim(first - aside, last + aside)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    style.label(axes, "epoch", *labels)


def _means(runs: Sequence[Rows], name: str) -> np.ndarray:
    """Returns the mean of each epoch over the runs, [epochs], NaN where nothing was recorded."""
    values = [[row.get(name, np.nan) for row in run] for run in runs]
    shortest = min(len(run) for run in values)
    return np.mean([run[:shortest] for run in values], axis=0)


def _densities(
    axes: Axes, grid: np.ndarray, densities: np.ndarray, texts: list[str], label: str
) -> None:
    for density, text, look in zip(densities, texts, style.looks(len(texts)), strict=True):
        if np.isfinite(density).any():
            axes.plot(grid, density, label=style.named(text), **look)
    style.label(axes, label, "density (1/nat)", 0)
    axes.set_xlim(grid[0], grid[-1])


def _legend_below(figure: Figure) -> None:
    """Names each line once, also where it is in several panels, below them: it hides nothing."""
    lines = {line.get_label(): line for axes in figure.axes for line in axes.lines}
    if lines:
        figure.legend(handles=list(lines.values()), loc="outside lower center", ncols=2)
