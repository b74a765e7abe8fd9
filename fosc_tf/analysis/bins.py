"""Examples sorted into FOSC bins: what convergence says about accuracy and loss.

bins = fosc_bins(fosc, hit, loss, upper=0.1)      # fosc, hit, loss: [n]
bins.accuracy, bins.accuracy_correlation
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from fosc_tf.errors import UserError


class Bins(NamedTuple):
    """What `fosc_bins` returns; every correlation is Pearson's with FOSC, NaN where undefined.

    Attributes:
        edges: [bins + 1] float64, FOSC in loss units.
        count: [bins] int64, examples in each bin.
        accuracy: [bins] float64 in 0..1, NaN where the bin is empty.
        loss: [bins] float64, mean loss, NaN where the bin is empty.
        accuracy_correlation: of the accuracies of the bins that are not empty.
        loss_correlation: of the mean losses of the bins that are not empty.
        hit_correlation: of single examples within the range, right = 1 and wrong = 0.
        example_loss_correlation: of single examples within the range.
        outside: examples whose FOSC is above the range.
    """

    edges: np.ndarray
    count: np.ndarray
    accuracy: np.ndarray
    loss: np.ndarray
    accuracy_correlation: float
    loss_correlation: float
    hit_correlation: float
    example_loss_correlation: float
    outside: int

    def numbers(self) -> dict[str, Any]:
        """Returns `upper` (end of the range), `n` examples within it, and the correlations."""
        named = self._asdict().items()
        correlations = {name: value for name, value in named if name.endswith("_correlation")}
        return {"upper": self.edges[-1], "n": self.count.sum(), **correlations}


def fosc_bins(
    fosc: np.ndarray, hit: np.ndarray, loss: np.ndarray, *, upper: float = 0.1, bins: int = 20
) -> Bins:
    """Sorts examples into equal bins over [0, upper] and correlates FOSC with accuracy and loss.

    Source: Wang et al. 2019, Figure 1a. A bin holds lower <= FOSC < upper, the last one also its
    upper edge; rounding below 0 counts as 0. Bins count alike in their correlation, whatever they
    hold, which is what an eye sees in the figure; `hit_correlation` and `example_loss_correlation`
    weigh every example alike.

    Args:
        fosc: [n] float, loss units.
        hit: [n] bool, whether the network gives the label.
        loss: [n] float, at the same images.
        upper: end of the range in loss units, positive.
        bins: number of bins, at least 1.

    Raises:
        UserError: lengths that differ, FOSC that is not finite, a range or number out of bounds.
    """
    fosc, hit, loss = (np.asarray(each, np.float64) for each in (fosc, hit, loss))
    if not fosc.shape == hit.shape == loss.shape or fosc.ndim != 1 or not fosc.size:
        raise UserError(
            "every example needs its FOSC, its hit and its loss",
            "three arrays of one shape [n], n >= 1",
            f"shapes {fosc.shape}, {hit.shape} and {loss.shape}",
        )
    if not np.isfinite(fosc).all():
        raise UserError(
            "FOSC must be known for every example that is sorted into bins",
            "an attack asked with final_fosc=True, or a trace",
            f"{np.sum(~np.isfinite(fosc))} of {fosc.size} values that are not finite",
        )
    if not (np.isfinite(upper) and upper > 0) or bins < 1:
        raise UserError(
            "FOSC bins need a range above 0 and at least one bin",
            "upper=0.1, bins=20",
            f"upper={upper:g}, bins={bins}",
        )
    fosc, edges = np.maximum(fosc, 0.0), np.linspace(0.0, upper, bins + 1)
    inside = fosc <= upper
    fosc, hit, loss = fosc[inside], hit[inside], loss[inside]
    number = np.minimum(np.searchsorted(edges, fosc, side="right") - 1, bins - 1)
    count = np.bincount(number, minlength=bins)
    with np.errstate(invalid="ignore"):
        accuracy = np.bincount(number, hit, minlength=bins) / count
        mean_loss = np.bincount(number, loss, minlength=bins) / count
    filled, centre = count > 0, (edges[1:] + edges[:-1]) / 2
    return Bins(
        edges,
        count,
        accuracy,
        mean_loss,
        accuracy_correlation=pearson(centre[filled], accuracy[filled]),
        loss_correlation=pearson(centre[filled], mean_loss[filled]),
        hit_correlation=pearson(fosc, hit),
        example_loss_correlation=pearson(fosc, loss),
        outside=int(np.sum(~inside)),
    )


def automatic_upper(fosc: np.ndarray, quantile: float = 0.95) -> float:
    """Returns the end of a range that holds the share `quantile` in (0, 1] of `fosc` [n].

    Many networks have few examples in the paper's [0, 0.1], which it returns if all FOSC are 0.
    """
    upper = float(np.quantile(np.asarray(fosc, np.float64), quantile))
    return upper if upper > 0 else 0.1


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Returns Pearson's correlation of `x` and `y` [n]; NaN if either has no two values."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(stats.pearsonr(x, y).statistic)
