"""Draws training: densities of FOSC and loss, and what was recorded epoch by epoch.

figure = history(rows)      # of `history.json`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fosc_tf.show import style
from fosc_tf.show.columns import Rows

Arrays = Mapping[str, np.ndarray]
_COURSE = {
    "share": ("share in [0, {upper:g}] (%)", 100),
    "gradients": ("gradients per example", 1),
    "threshold": ("c_t (nats)", 1),
    "frozen": ("stopped before step K (%)", 100),
}
_HISTORY = {
    "accuracy (%)": {
        "accuracy": "training, attacked",
        "held_out_clean": "held out, clean",
        "held_out_robust": "held out, attacked",
    },
    "attack gradients": {"gradients": "per example"},
    "nats": {"fosc": "mean FOSC", "threshold": "threshold c_t"},
}


@style.applied()
def last_epoch(arrays: Arrays, title: str) -> Figure:
    """Draws the densities of FOSC and loss, a line for each setting of `analysis.last_epoch`."""
    figure, (panels,) = style.panels(1, 2, title)
    settings = zip(arrays["setting"], arrays["epoch"], strict=True)
    texts = [f"{name}, epoch {epoch}" for name, epoch in settings]
    labels = {"fosc": style.FOSC, "loss": "loss (nats)"}
    for axes, (name, label) in zip(panels, labels.items(), strict=True):
        _densities(axes, arrays[f"{name}_grid"], arrays[f"{name}_density"], texts, label)
        if not axes.lines:
            style.remark(axes, "loss was not recorded")
    return figure


@style.applied()
def fosc_by_epoch(arrays: Arrays, title: str) -> Figure:
    """Draws the density of FOSC at each chosen epoch, from `analysis.fosc_by_epoch`."""
    figure, ((axes,),) = style.panels(1, 1, title, width=5.2, height=2.9)
    texts = [
        f"epoch {epoch}: {share:.0%} in [0, {arrays['upper']:g}]"
        for epoch, share in zip(arrays["epoch"], arrays["share"], strict=True)
    ]
    _densities(axes, arrays["grid"], arrays["density"], texts, style.FOSC)
    return figure


@style.applied()
def course(arrays: Arrays, title: str) -> Figure:
    """Draws a panel for each quantity of `analysis.course` that was recorded."""
    drawn = [name for name in _COURSE if np.isfinite(arrays[name]).any()]
    shape = -(-len(drawn) // 2), min(len(drawn), 2)
    figure, panels = style.panels(*shape, title, height=2.1)
    for axes in panels.flat[len(drawn) :]:
        axes.set_visible(False)
    for axes, name in zip(panels.flat, drawn, strict=False):
        label, scale = _COURSE[name]
        axes.plot(arrays["epoch"], scale * arrays[name], "o-", markersize=3)
        label = label.format(upper=float(arrays["upper"]))
        _by_epoch(axes, "epoch, from 0", label, 0, 104 if scale == 100 else None)
    return figure


@style.applied()
def history(rows: Rows) -> Figure:
    """Draws accuracies, cost and FOSC against epochs, from the rows of `history.json`."""
    figure, (panels,) = style.panels(1, 3, "Training, epoch by epoch")
    for axes, (unit, names) in zip(panels, _HISTORY.items(), strict=True):
        for (name, label), look in zip(names.items(), style.looks(len(names)), strict=True):
            known = [row for row in rows if name in row]
            values = [(100 if "%" in unit else 1) * row[name] for row in known]
            if known:
                epochs = [row["epoch"] + 1 for row in known]
                axes.plot(epochs, values, marker="o", markersize=2.5, label=label, **look)
        _by_epoch(axes, "epoch", unit, None if "%" in unit else 0)
        if axes.lines:
            axes.legend()
    return figure


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
        left.plot(np.arange(1, len(gradients) + 1), gradients, label=style.named(label), **look)
        known = np.isfinite(robust)
        if known.any():
            # Points too: a line through a single one is not seen.
            spent = np.cumsum(gradients)[known]
            right.plot(spent, 100 * robust[known], marker="o", markersize=2.5, **look)
    if not right.lines:
        style.remark(right, "no held-out robust accuracy\nof training with attacks")
    _by_epoch(left, "epoch", "attack gradients per example", 0)
    style.label(right, "attack gradients per example so far", "held-out robust accuracy (%)")
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _by_epoch(axes: Axes, *labels: Any) -> None:
    style.label(axes, *labels)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


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
    if axes.lines:
        axes.legend()
