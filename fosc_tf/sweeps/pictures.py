"""The pictures of a sweep: accuracies of its runs, and what they spent to get there.

data = accuracies(rows)      # the bytes of a PNG
data = courses({"digits_dynamic": [history_of_seed_0, history_of_seed_1]})
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from fosc_tf import style

Rows = Sequence[Mapping[str, Any]]


def accuracies(rows: Rows) -> bytes:
    """Returns the accuracy of each label's last network under each attack, from `sweep.json`."""
    attacks = list(dict.fromkeys(row["attack"] for row in rows))
    last = [row for row in rows if row["checkpoint"] == "last"]
    labels = list(dict.fromkeys(row["label"] for row in last))
    with style.applied():
        figure = Figure(figsize=(8, 1.5 + 0.5 * len(labels)))
        axes = figure.subplots()
        apart = min(0.08, 0.7 / max(len(attacks), 1))
        for number, (attack, mark) in enumerate(
            zip(attacks, style.marks(len(attacks)), strict=True)
        ):
            own = [row for row in last if row["attack"] == attack]
            axes.errorbar(
                [100 * row["accuracy"] for row in own],
                [labels.index(row["label"]) + apart * (number - len(attacks) / 2) for row in own],
                xerr=[100 * (row["standard_error"] or 0.0) for row in own],
                linestyle="none",
                markersize=4,
                label=attack,
                **mark,
            )
        axes.set_yticks(range(len(labels)), labels)
        axes.invert_yaxis()
        # Of the figure: long labels leave the axes too narrow for it.
        title = "accuracy of the last network, % (bars: standard error over seeds)"
        figure.supxlabel(title, size="medium")
        figure.legend(loc="outside upper center", ncols=4)
        return _png(figure)


def courses(histories: Mapping[str, Sequence[Rows]]) -> bytes:
    """Returns cost by epoch, and held-out robust accuracy by the cost so far.

    Args:
        histories: by label, the rows of `history.json` of each seed. Lines are means over the
            seeds; labels that spend no attack gradients have none. Accuracy that was not measured
            in every epoch has a point for each one where it was.
    """
    with style.applied():
        figure, ((left, right),) = style.panels(1, 2, "Cost of training", width=4.2, height=3.0)
        for (label, runs), look in zip(histories.items(), style.looks(len(histories)), strict=True):
            gradients = _means(runs, "gradients")
            robust = _means(runs, "held_out_robust")
            if np.isnan(gradients).all():  # no attack while training
                continue
            epochs = np.arange(1, len(gradients) + 1)
            left.plot(epochs, gradients, label=label, **look)
            known = np.isfinite(robust)
            if known.any():
                # Points too: a line through a single one is not seen.
                spent = np.cumsum(gradients)[known]
                right.plot(spent, 100 * robust[known], marker="o", markersize=2.5, **look)
        if not right.lines:
            style.remark(right, "no held-out robust accuracy\nof training with attacks")
        style.label(left, "epoch", "attack gradients per example")
        style.label(right, "attack gradients per example so far", "held-out robust accuracy (%)")
        left.set_ylim(bottom=0)
        figure.legend(loc="outside lower center", ncols=2)
        return _png(figure)


def _means(runs: Sequence[Rows], name: str) -> np.ndarray:
    """Returns the mean of each epoch over the runs, [epochs], NaN where nothing was recorded."""
    values = [[row.get(name, np.nan) for row in run] for run in runs]
    shortest = min(len(run) for run in values)
    return np.mean([run[:shortest] for run in values], axis=0)


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=150, metadata={"Software": None})
    return file.getvalue()
