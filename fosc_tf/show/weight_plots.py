"""Draws the loss around the weights, from the arrays of `fosc_tf.analysis.weight_views`.

figure = spectrum(arrays, "Hessian of the loss of 2000 training images")
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from fosc_tf.show import style

Arrays = Mapping[str, np.ndarray]
_LEVELS = 16
_LETTERS = 115  # of a legend's line below two panels


def _labels(arrays: Arrays) -> list[str]:
    """Returns what each line is called: by its radius, and by its network where there are some."""
    several = len(set(arrays["network"].tolist())) > 1
    return [
        (f"{style.named(str(name))}, " if several else "")
        + ("clean" if not radius else f"epsilon {radius:.3g}")
        for name, radius in zip(arrays["network"], arrays["epsilon"], strict=True)
    ]


def _in_digits(axis: Axis) -> None:
    """Labels a logarithmic axis with numbers, of which there are few: no powers in mathtext."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    axis.set_minor_formatter(NullFormatter())


@style.applied()
def spectrum(arrays: Arrays, title: str) -> Figure:
    """Draws the eigenvalues by their place, as they are and over the loss at random weights."""
    names = _labels(arrays)
    columns = min(3, max(1, _LETTERS // (max(map(len, names)) + 8)))
    rows = -(-len(names) // columns)
    figure, ((raw, scaled),) = style.panels(1, 2, title, height=2.8 + 0.25 * rows)
    k = arrays["values"].shape[1]
    looks = style.marks(len(arrays["epsilon"]))
    for place, (text, look) in enumerate(zip(names, looks, strict=True)):
        values = arrays["values"][place]
        for axes, unit in ((raw, 1.0), (scaled, arrays["unit"][place])):
            axes.plot(np.arange(1, k + 1), values / unit, label=text, markersize=3, **look)
    for axes, text in (
        (raw, "eigenvalue (nats / weight²)"),
        (scaled, "over the loss at random weights"),
    ):
        axes.set_yscale("symlog", linthresh=max(1e-3 * np.abs(arrays["values"]).max(), 1e-12))
        _in_digits(axes.yaxis)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        style.label(axes, "place", text)
    # Within a panel it would hide the first eigenvalues.
    figure.legend(*raw.get_legend_handles_labels(), loc="outside lower center", ncols=columns)
    return figure


@style.applied()
def hessian_density(arrays: Arrays, title: str) -> Figure:
    """Draws how the eigenvalues of each line are spread, on a logarithmic scale."""
    figure, ((axes,),) = style.panels(1, 1, title, width=6.0)
    looks = style.looks(len(arrays["epsilon"]))
    for place, (text, look) in enumerate(zip(_labels(arrays), looks, strict=True)):
        grid, density = arrays[f"grid_{place}"], arrays[f"density_{place}"]
        axes.plot(grid, np.maximum(density, density.max() * 1e-8), label=text, **look)
    axes.set_yscale("log")
    _in_digits(axes.yaxis)
    style.label(axes, "eigenvalue (nats / weight²)", "density")
    axes.legend()
    return figure


@style.applied()
def surface(arrays: Arrays, title: str) -> Figure:
    """Draws each surface as a map with a scale of its own; the network is the cross."""
    names = arrays["name"].tolist()
    figure, rows = style.panels(2, (len(names) + 1) // 2, title, width=3.7, height=3.3)
    for place, axes in enumerate(np.asarray(rows).T.ravel()[: len(names)]):
        x, y, loss = (arrays[f"{name}_{place}"] for name in ("x", "y", "loss"))
        levels = MaxNLocator(_LEVELS).tick_values(loss.min(), max(loss.max(), loss.min() + 1e-6))
        drawn = axes.contourf(x, y, loss, levels=levels, cmap=style.MAP)
        axes.contour(x, y, loss, levels=levels, colors="white", linewidths=0.3, alpha=0.5)
        axes.plot(0, 0, "P", color="white", markeredgecolor="black", markersize=6)
        axes.set_title(names[place])
        axes.set_aspect("equal")
        axes.grid(visible=False)
        style.label(axes, "first direction", "second direction")
        beside = axes.inset_axes((1.04, 0.0, 0.05, 1.0))
        figure.colorbar(drawn, cax=beside, label="loss (nats)")
    return figure


@style.applied()
def lipschitz(arrays: Arrays, title: str) -> Figure:
    """Draws the constant of each block of layers, in the order of the network."""
    names, norms = arrays["layer"].tolist(), arrays["norm"]
    figure, ((axes,),) = style.panels(1, 1, title, width=6.0, height=1.2 + 0.3 * len(names))
    axes.barh(np.arange(len(names)), norms)
    for place, norm in enumerate(norms):
        axes.annotate(f"{norm:.3g}", (norm, place), (4, 0), textcoords="offset points", va="center")
    axes.set_yticks(np.arange(len(names)), names)
    axes.invert_yaxis()
    axes.set_xscale("log")
    _in_digits(axes.xaxis)
    axes.set_xlim(min(0.5, norms.min() / 2), 3 * norms.max())
    style.label(axes, "spectral norm", "")
    return figure
