"""Networks against attacks: robust accuracy, loss and FOSC of every pair.

table = cross_table({"dynamic": one, "standard": other}, batches, epsilon=0.3)
table["accuracy"]      # [networks, attacks]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from fosc_tf.analysis.stepwise import FIELDS, traces
from fosc_tf.analysis.store import Arrays
from fosc_tf.attacks import PGD


class Setting(NamedTuple):
    """A PGD setting: `num_steps` of length epsilon / `divisor`."""

    num_steps: int
    divisor: float

    def __str__(self) -> str:
        part = f"/{self.divisor:g}" if self.divisor != 1 else ""
        return f"PGD-{self.num_steps}, \N{GREEK SMALL LETTER EPSILON}{part}"


BY_STEP_SIZE = tuple(Setting(20, divisor) for divisor in (1, 2, 4, 6, 8))
"""20 steps of epsilon down to epsilon / 8: Wang et al. 2019, Figure 2a."""
BY_NUM_STEPS = tuple(Setting(num_steps, 6) for num_steps in (10, 20, 30, 40))
"""10 to 40 steps of epsilon / 6: Wang et al. 2019, Figure 2b."""


def cross_table(
    networks: Mapping[str, Any],
    dataset: tf.data.Dataset,
    *,
    epsilon: float,
    norm: str = "linf",
    settings: Sequence[Setting] = BY_STEP_SIZE + BY_NUM_STEPS,
    seed: int = 0,
) -> Arrays:
    """Returns what every network does under every attack, from uniform random starts.

    Source: Wang et al. 2019, Figures 2a and 2b. Settings of one step size share their climb: the
    longest is traced and the shorter ones are its beginnings.

    Args:
        networks: by name; each maps images to logits and has an `input_shape`.
        dataset: batches of (image, label), or dicts with these.
        epsilon: radius of the ball over pixels in [0, 1].
        norm: "linf", "l2" or "l1".
        settings: the attacks; equal ones are measured once.
        seed: with the number of the batch it decides the random starts.

    Returns:
        `network` [networks] and `num_steps`, `divisor` [settings] name the table; `n` examples;
        `accuracy` (0..1) and mean `loss`, `fosc_ball`, `fosc_box` (loss units) are float64
        [networks, settings].

    Raises:
        UserError: as `PGD` and `traces`.
    """
    settings = list(dict.fromkeys(settings))
    longest: dict[float, int] = {}
    for num_steps, divisor in settings:
        longest[divisor] = max(num_steps, longest.get(divisor, 0))
    n, table = 0, np.zeros([len(FIELDS), len(networks), len(settings)])
    for row, network in enumerate(networks.values()):
        for divisor, most in longest.items():
            attack = PGD(epsilon=epsilon, step_size=epsilon / divisor, num_steps=most, norm=norm)
            seen = traces(network, dataset, attack, seed=seed)
            n = seen["hit"].shape[1]
            for column, setting in enumerate(settings):
                if setting.divisor == divisor:
                    at_end = [seen[name][setting.num_steps].mean(dtype=float) for name in FIELDS]
                    table[:, row, column] = at_end
    return {
        "network": np.array(list(networks)),
        "num_steps": np.array([setting.num_steps for setting in settings]),
        "divisor": np.array([setting.divisor for setting in settings], float),
        "n": np.array(n),
        "accuracy": table[0],
        **dict(zip(FIELDS[1:], table[1:], strict=True)),
    }
