"""How hard each example is: its rank among all by the mean of its losses while training.

d = difficulty(losses)                  # [epochs, n] -> [n], 0 the hardest
difficulty_distance(d, d_of_another_run)
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from fosc_tf.errors import UserError

GROUPS = 10


def difficulty(losses: np.ndarray) -> np.ndarray:
    """Returns the share of examples whose mean loss is larger, ties counting half.

    Source: Liu 2022 (thesis), section 4.3.1, with the adversarial losses of training epochs.

    Args:
        losses: [epochs, n] floating, NaN where an example was not recorded.

    Returns:
        [n] float64 in (0, 1): near 0 the hardest, near 1 the easiest; NaN for an example that was
        never recorded.

    Raises:
        UserError: another shape, or nothing recorded at all.
    """
    losses = np.asarray(losses, np.float64)
    known = ~np.isnan(losses)
    if losses.ndim != 2 or not known.any():
        raise UserError(
            "losses must be those of each example in each epoch, some of them recorded",
            "an array [epochs, n]",
            f"an array of shape {list(losses.shape)}" + " without a number" * (losses.ndim == 2),
        )
    seen = known.any(axis=0)
    mean = np.where(known, losses, 0.0).sum(axis=0)[seen] / known.sum(axis=0)[seen]
    found = np.full(losses.shape[1], np.nan)
    found[seen] = (seen.sum() - stats.rankdata(mean) + 0.5) / seen.sum()
    return found


def difficulty_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Returns the mean difference of two difficulties of the same examples.

    0 for the same order, 1/2 for the reverse and 1/3 on average for random ones (the thesis prints
    0.375). Examples that one of them does not know are left out.

    Source: Liu 2022 (thesis), section 4.3.1.

    Args:
        one: [n], from `difficulty`.
        other: [n], of the same examples.

    Raises:
        UserError: of other numbers of examples, or with none in common.
    """
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape or one.ndim != 1:
        raise UserError(
            "difficulties are compared example by example",
            "two arrays [n]",
            f"shapes {list(one.shape)} and {list(other.shape)}",
        )
    apart = np.abs(one - other)
    if np.isnan(apart).all():
        raise UserError(
            "two difficulties must know some of the same examples", "some in common", "none"
        )
    return float(np.nanmean(apart))


def groups(difficulty: np.ndarray, count: int = GROUPS) -> np.ndarray:
    """Returns the group of each example, [n] int: 0 the hardest tenth; -1 where it is not known.

    Source: Liu 2022 (thesis), section 4.3.2: group i holds i / 10 <= d < (i + 1) / 10.
    """
    known = ~np.isnan(difficulty)
    found = np.floor(count * np.where(known, difficulty, 0.0)).astype(int)
    return np.where(known, np.minimum(found, count - 1), -1)
