"""Draws the views of training: densities of FOSC and loss, and the course of the epochs.

with style.applied():
    store.picture("course", training_plots.course(arrays, "Dynamic training, epoch by epoch"))
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fosc_tf import style
from fosc_tf.analysis.traces import Arrays

_FOSC = "FOSC (nats)"
_BY_EPOCH = {
    "share": ("share in [0, {upper:g}] (%)", 100),
    "gradients": ("gradients per example", 1),
    "threshold": ("c_t (nats)", 1),
    "frozen": ("stopped before step K (%)", 100),
}


def last_epoch(arrays: Arrays, title: str) -> Figure:
    """Draws the densities of FOSC and of loss, a line for each training setting.

    Args:
        arrays: of `last_epoch`.
        title: of the picture.
    """
    figure, panels = style.panels(1, 2, title)
    for axes, name, label in zip(panels[0], ("fosc", "loss"), (_FOSC, "loss (nats)"), strict=True):
        density = arrays[f"{name}_density"]
        texts = [
            f"{setting}, epoch {epoch}"
            for setting, epoch in zip(arrays["setting"], arrays["epoch"], strict=True)
        ]
        _densities(axes, arrays[f"{name}_grid"], density, texts, label)
        if np.isnan(density).all():
            style.remark(axes, "loss was not recorded")
    return figure


def fosc_by_epoch(arrays: Arrays, title: str) -> Figure:
    """Draws the density of FOSC at each chosen epoch.

    Args:
        arrays: of `fosc_by_epoch`.
        title: of the picture.
    """
    figure, panels = style.panels(1, 1, title, width=5.2, height=2.9)
    within = [
        f"epoch {epoch}: {share:.0%} in [0, {arrays['upper']:g}]"
        for epoch, share in zip(arrays["epoch"], arrays["share"], strict=True)
    ]
    _densities(panels[0][0], arrays["grid"], arrays["density"], within, _FOSC)
    return figure


def course(arrays: Arrays, title: str) -> Figure:
    """Draws what was recorded of each epoch, a panel for each quantity that was.

    Args:
        arrays: of `course`.
        title: of the picture.
    """
    drawn = [name for name in _BY_EPOCH if np.isfinite(arrays[name]).any()]
    columns = min(len(drawn), 2)
    figure, panels = style.panels(-(-len(drawn) // 2), columns, title, height=2.1, sharex="all")
    for axes, name in zip(panels.flat, drawn, strict=False):
        label, scale = _BY_EPOCH[name]
        axes.plot(arrays["epoch"], scale * arrays[name], "o-", markersize=3)
        style.label(axes, "", label.format(upper=float(arrays["upper"])))
        axes.set_ylim(bottom=0, top=104 if scale == 100 else None)
    for axes in panels.flat[len(drawn) :]:
        axes.set_visible(False)
    for axes in panels.flat[max(len(drawn) - 2, 0) : len(drawn)]:
        axes.set_xlabel("epoch, from 0")
        axes.xaxis.set_tick_params(labelbottom=True)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _densities(
    axes: Axes, grid: np.ndarray, densities: np.ndarray, texts: list[str], label: str
) -> None:
    for density, text, look in zip(densities, texts, style.looks(len(texts)), strict=True):
        if np.isfinite(density).any():
            axes.plot(grid, density, label=text, **look)
    style.label(axes, label, "density (1/nat)")
    axes.set_xlim(grid[0], grid[-1])
    axes.set_ylim(bottom=0)
    if axes.lines:
        axes.legend()
