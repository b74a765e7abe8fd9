"""Pictures of what is proved: against the radius, and pixel by pixel, with their captions.

figure, words = curve(rows), of_curve(rows)      # rows of certified.json
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from fosc_tf.show import style
from fosc_tf.show.columns import Rows


@style.applied()
def curve(rows: Rows) -> Figure:
    """Draws proved accuracy against the radius, a line for each network, and what attacks left."""
    figure, ((axes,),) = style.panels(1, 1, "Proved accuracy against radius", width=4.2, height=2.6)
    names = list(dict.fromkeys(row["checkpoint"] for row in rows if "curve" in row))
    for look, name in zip(style.looks(len(names)), names, strict=True):
        own = [row for row in rows if row["checkpoint"] == name]
        points = sorted(
            (row["parameters"]["epsilon"], 100 * row["accuracy"]) for row in own if "curve" in row
        )
        axes.plot(
            *zip(*points, strict=True),
            marker="o",
            markersize=4,
            label=style.named(f"{name}, proved"),
            **look,
        )
        attacked = [row for row in own if "attack" in row and row["attack"] != "clean"]
        if attacked:
            least = min(attacked, key=lambda row: row["accuracy"])
            axes.plot(
                [least["parameters"]["epsilon"]],
                [100 * least["accuracy"]],
                linestyle="none",
                marker="x",
                color=look.get("color"),
                label=style.named(f"{name}, {least['attack']}"),
            )
    style.label(axes, "radius (pixels in [0, 1])", "accuracy (%)", *style.PERCENT)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def of_curve(rows: Rows) -> str:
    """Returns what the picture shows, in the numbers that were drawn."""
    told = []
    for name in dict.fromkeys(row["checkpoint"] for row in rows if "curve" in row):
        own = sorted(
            (row["parameters"]["epsilon"], row["accuracy"], row["curve"])
            for row in rows
            if row["checkpoint"] == name and "curve" in row
        )
        said = ", ".join(f"{100 * share:.1f} % at {radius:.3g}" for radius, share, _ in own)
        told.append(f"{name}, proved by {own[-1][2]}: {said}.")
    return " ".join(told)


@style.applied()
def pareto(points: Rows) -> Figure:
    """Draws clean against verified accuracy on held-out images, from `pareto.json`."""
    title = "Held-out images: clean and verified accuracy"
    figure, ((axes,),) = style.panels(1, 1, title, width=5.2, height=3.6)
    unbeaten = [point for point in points if point["unbeaten"]]
    axes.plot(
        [100 * point["held_out_clean"] for point in unbeaten],
        [100 * point["held_out_verified"] for point in unbeaten],
        color=style.GREY,
        label="no other is better in both",
    )
    for mark, point in zip(style.marks(len(points)), points, strict=True):
        axes.plot(
            [100 * point["held_out_clean"]],
            [100 * point["held_out_verified"]],
            linestyle="none",
            label=style.named(point["label"]),
            **mark,
        )
    style.label(axes, "clean accuracy (%)", "verified accuracy (%)")
    figure.legend(loc="outside lower center", ncols=1)
    return figure


@style.applied()
def maps(image: np.ndarray, box: np.ndarray) -> Figure:
    """Draws images [n, height, width, channels] over how far their pixels may move, likewise."""
    n = len(image)
    figure = Figure(figsize=(1.1 * n + 0.8, 2.8))
    axes = figure.subplots(2, n, squeeze=False)
    shown = box.mean(axis=3)
    most = float(shown.max()) or 1.0
    for column in range(n):
        pixels = image[column]
        grey = pixels.shape[2] == 1
        axes[0, column].imshow(pixels[..., 0] if grey else pixels, cmap="gray", vmin=0, vmax=1)
        drawn = axes[1, column].imshow(shown[column], cmap="viridis", vmin=0, vmax=most)
        for each in axes[:, column]:
            each.set_axis_off()
    figure.colorbar(drawn, ax=list(axes.ravel()), shrink=0.8, label="radius (pixels in [0, 1])")
    return figure


def of_maps(row: dict[str, float]) -> str:
    """Returns what bounding maps show, in the numbers of their row."""
    return (
        f"Above images, below how far each pixel may move while all others do, the label proved. "
        f"Over {row['n']} images the geometric mean is {row['box']:.4f}; if all pixels share one "
        f"radius, {row['even']:.4f}. Dark pixels are those that the network depends on."
    )
