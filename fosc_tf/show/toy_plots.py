"""Draws problems that can be solved on paper, from the arrays of `fosc_tf.analysis`.

figure = kinks(fosc_tf.analysis.kink(), "One weight under attack")
figure = mixture_errors(errors, "Training on easy and on hard examples")
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from fosc_tf.show import style


@style.applied()
def kinks(arrays: Mapping[str, np.ndarray], title: str) -> Figure:
    """Draws the loss of one weight without and under attack, a panel for each radius.

    Source: Liu 2022 (thesis), Figure 4.2.

    Args:
        arrays: of `analysis.kink`.
        title: of the picture.
    """
    figure, (panels,) = style.panels(1, len(arrays["epsilon"]), title, sharey=True)
    clean, attacked = style.looks(2)
    for axes, epsilon, loss in zip(panels, arrays["epsilon"], arrays["loss"], strict=True):
        axes.plot(arrays["theta"], arrays["clean"], label="clean", **clean)
        axes.plot(arrays["theta"], loss, label="under attack", **attacked)
        axes.set_title(f"epsilon {epsilon:g}")
    for axes in panels:  # drawn first: they share the height of the highest
        style.label(axes, "weight", "loss (nats)" if axes is panels[0] else "")
    panels[0].set_ylim(0.0)
    panels[0].legend()
    return figure


@style.applied()
def mixture_errors(errors: Mapping[str, tuple[Any, Any]], title: str) -> Figure:
    """Draws robust errors by epsilon: lines in closed form, points with 3 standard errors as seen.

    Args:
        errors: of `GaussianMixture` by what the training examples are called; a pair of
            `closed_form` and `simulate`.
        title: of the picture.
    """
    figure, ((axes,),) = style.panels(1, 1, title, width=4.5, height=3.0)
    for look, (name, (exact, seen)) in zip(style.looks(len(errors)), errors.items(), strict=True):
        axes.plot(exact.epsilon, 100 * exact.mean, label=style.named(name), **look)
        axes.errorbar(
            seen.epsilon,
            100 * seen.mean,
            300 * seen.standard_error,
            fmt="o",
            markersize=3,
            capsize=2,
            color=look["color"],
        )
    style.label(axes, "epsilon (l2)", "robust error (%)", 0.0)
    axes.legend()
    return figure
