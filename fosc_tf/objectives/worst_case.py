"""What certified training descends: the cross-entropy of the worst logits that bounds allow.

objective = interval(epsilon=0.3)
judged = objective(network, batch, found, step)      # under the trainer's tape
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from fosc_tf.bounds.leads import elided
from fosc_tf.bounds.linear_bounds import lower_bounds
from fosc_tf.objectives.adversarial import Objective
from fosc_tf.objectives.bounded import (
    Bounded,
    Penalty,
    bounded,
    mixed,
    robust_cross_entropy,
    total,
)
from fosc_tf.schedules import at
from fosc_tf.types import Batch, Found, Judged, Number, Schedule

LEAST_WEIGHT = 1e-5
"""Linear bounds that weigh less are not taken."""


def interval(
    *,
    epsilon: Number | Schedule,
    natural: Number | Schedule = 0.0,
    norm: str = "linf",
    penalties: Sequence[Penalty] = (),
) -> Objective:
    """Returns natural * CE(clean) + (1 - natural) * the robust cross-entropy of interval bounds.

    Source: IBP, Gowal et al. 2018, with elided last layers.

    Args:
        epsilon: radius over pixels in [0, 1].
        natural: weight of the clean cross-entropy, kappa.
        norm: "linf", "l2" or "l1".
        penalties: of what is bounded.
    """

    def objective(
        network: keras.Model, batch: Batch, found: Found | None, step: tf.Tensor
    ) -> Judged:
        here = bounded(network, batch, epsilon, step, norm=norm)
        margins = here.interval_margins()
        loss = mixed(here, natural, robust_cross_entropy(margins), step)
        return here.judged(loss + total(penalties, here, step), margins)

    return objective


def crown_interval(
    *,
    epsilon: Number | Schedule,
    natural: Number | Schedule = 0.0,
    crown: Number | Schedule = 1.0,
    fused: bool = True,
    norm: str = "linf",
    penalties: Sequence[Penalty] = (),
) -> Objective:
    """Returns the same with linear bounds behind intervals, mixed with the interval bounds.

    Fused, the network's last value is S = sum_j exp(z_j - z_y), the exponentials are replaced by
    chords over the interval of z_j - z_y, and one row goes back for all classes; what is descended
    is log(crown * U_linear + (1 - crown) * U_interval), both above S. Otherwise the margins are
    crown * linear + (1 - crown) * interval, one row a class.

    Source: CROWN-IBP, Zhang et al. 2020, beta of its authors' code; loss fusion Xu et al. 2020, in
    the form of auto_LiRPA.

    Args:
        epsilon: radius over pixels in [0, 1].
        natural: weight of the clean cross-entropy, kappa.
        crown: weight of the linear bounds, beta; below `LEAST_WEIGHT` they cost nothing.
        fused: see above.
        norm: "linf", "l2" or "l1".
        penalties: of what is bounded.
    """

    def objective(
        network: keras.Model, batch: Batch, found: Found | None, step: tf.Tensor
    ) -> Judged:
        here = bounded(network, batch, epsilon, step, norm=norm)
        share = tf.cast(at(crown, step), tf.float32)
        margins = here.interval_margins()
        if fused:
            robust = fused_cross_entropy(here, share)
        else:
            intervals_alone = margins
            linear = tf.cond(share > LEAST_WEIGHT, here.linear_margins, lambda: intervals_alone)
            margins = share * linear + (1.0 - share) * margins
            robust = robust_cross_entropy(margins)
        loss = mixed(here, natural, robust, step)
        return here.judged(loss + total(penalties, here, step), margins)

    return objective


def linear_approximation(
    *,
    epsilon: Number | Schedule,
    norm: str = "linf",
    penalties: Sequence[Penalty] = (),
) -> Objective:
    """Returns the robust cross-entropy of linear bounds of parallel lines throughout.

    Source: the loss of Wong & Kolter 2018 with the bounds of Liu 2022 (thesis), Algorithm 3.1,
    which are theirs for ReLU.

    Args:
        epsilon: radius over pixels in [0, 1].
        norm: "linf", "l2" or "l1".
        penalties: of what is bounded.
    """

    def objective(
        network: keras.Model, batch: Batch, found: Found | None, step: tf.Tensor
    ) -> Judged:
        here = bounded(network, batch, epsilon, step, norm=norm, style="parallel")
        margins = here.linear_margins("parallel")
        loss = robust_cross_entropy(margins) + total(penalties, here, step)
        return here.judged(loss, margins)

    return objective


def fused_cross_entropy(here: Bounded, share: tf.Tensor) -> tf.Tensor:
    """Returns the logarithm of the mixed bounds of S, [batch]."""
    rows = here.rows()
    upper = -elided(here.program, here.region, here.ends, rows)  # of z_j - z_y
    lower = tf.minimum(elided(here.program, here.region, here.ends, -rows), upper)
    largest = tf.stop_gradient(tf.nn.relu(tf.reduce_max(upper, axis=1, keepdims=True)))

    def by_lines() -> tf.Tensor:
        below, above = tf.exp(lower - largest), tf.exp(upper - largest)
        slope = (above - below) / tf.maximum(upper - lower, 1e-8)
        row = tf.einsum("bn,bnc->bc", slope, rows)[:, None]
        least = lower_bounds(here.program, here.region, here.ends, row, here.program.result)
        return tf.reduce_sum(below - slope * lower, axis=1) - least[:, 0]

    by_intervals = tf.reduce_sum(tf.exp(upper - largest), axis=1)
    linear = tf.cond(share > LEAST_WEIGHT, by_lines, lambda: by_intervals)
    own = tf.exp(-largest[:, 0])
    return tf.math.log(share * linear + (1.0 - share) * by_intervals + own) + largest[:, 0]
