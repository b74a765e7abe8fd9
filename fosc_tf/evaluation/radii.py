"""Accuracy against epsilon, far enough to reach chance: Figures 4a and 4b.

curve = sweep(network, dataset, epsilons=(0, 0.1, 0.2, 0.4, 0.8))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from fosc_tf.attacks.limits import diameter
from fosc_tf.evaluation.journal import Journal
from fosc_tf.evaluation.white_box import white_box

UP_TO_CHANCE = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)
"""Multiples of epsilon that a sweep covers unless told otherwise."""


def sweep(
    network: Any,
    dataset: tf.data.Dataset,
    *,
    epsilons: Sequence[float],
    attack: str = "pgd-20",
    norm: str = "linf",
    seed: int = 0,
    journal: Journal | None = None,
) -> list[dict[str, Any]]:
    """Returns rows of `white_box` at epsilon 0 (clean) and at each of `epsilons`, ascending.

    Source: Wang et al. 2019, Figure 4a; for 4b, call it with networks trained at each epsilon.

    Args:
        network: as for `white_box`.
        dataset: as for `white_box`.
        epsilons: radii over pixels in [0, 1]; 0 stands for the clean row, which is always there.
        attack: a name that `fosc_tf.attacks.get` knows.
        norm: "linf", "l2" or "l1".
        seed: as for `white_box`.
        journal: as for `white_box`.
    """
    radii = sorted(radius for radius in epsilons if radius != 0)
    rows = white_box(
        network,
        dataset,
        # The clean row is the same at any radius.
        epsilon=radii or 1.0,
        attacks=("clean", attack) if radii else ("clean",),
        norm=norm,
        seed=seed,
        journal=journal,
    )
    rows[0]["parameters"]["epsilon"] = 0.0
    return rows


def reach(
    epsilon: float, norm: str = "linf", shape: Sequence[int] | None = None
) -> tuple[float, ...]:
    """Returns the epsilons of a sweep around `epsilon`.

    Args:
        epsilon: radius of the ball over pixels in [0, 1].
        norm: "linf", "l2" or "l1".
        shape: of one image; no radius is beyond its diameter. None limits linf only, to 1.
    """
    of_any_shape = 1.0 if norm == "linf" else float("inf")
    largest = of_any_shape if shape is None else diameter(norm, shape)
    return tuple(dict.fromkeys(min(epsilon * times, largest) for times in UP_TO_CHANCE))
