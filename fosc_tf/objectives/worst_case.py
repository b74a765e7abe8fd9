"""What certified training descends: the cross-entropy of the worst logits that bounds allow.

objective = interval(epsilon=0.3)
judged = objective(network, batch, found, step)      # under the trainer's tape
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from fosc_tf.bounds.inner_bounds import inner
from fosc_tf.bounds.interval_bounds import Interval, intervals
from fosc_tf.bounds.linear_bounds import lower_bounds
from fosc_tf.bounds.methods import by_class, elided, leads
from fosc_tf.bounds.program import Program
from fosc_tf.bounds.region import Region
from fosc_tf.bounds.training_mode import training_mode
from fosc_tf.objectives.adversarial import Objective
from fosc_tf.schedules import at
from fosc_tf.terms import cross_entropy
from fosc_tf.types import Batch, Found, Judged, Number, Schedule

LEAST_WEIGHT = 1e-5
"""Linear bounds that weigh less are not taken."""


class Bounded(NamedTuple):
    """A network in training mode and between which ends its values stay around a batch.

    Attributes:
        network: whose weights are trained.
        program: what it does, see `training_mode`.
        logits: [batch, classes] of the clean images.
        region: of the images.
        ends: by the number of each value.
        label: [batch] int32.
    """

    network: keras.Model
    program: Program
    logits: tf.Tensor
    region: Region
    ends: Mapping[int, Interval]
    label: tf.Tensor

    def rows(self) -> tf.Tensor:
        """Returns e_y - e_j, [batch, classes - 1, classes]."""
        return leads(self.program, self.label, "float32")

    def interval_margins(self) -> tf.Tensor:
        """Returns interval bounds below z_y - z_j, [batch, classes], 0 at the label; elided."""
        found = elided(self.program, self.region, self.ends, self.rows())
        return by_class(found, self.label)

    def linear_margins(self, style: str = "crown") -> tf.Tensor:
        """Returns linear bounds below z_y - z_j, [batch, classes], 0 at the label."""
        found = lower_bounds(
            self.program, self.region, self.ends, self.rows(), self.program.result, style=style
        )
        return by_class(found, self.label)

    def judged(self, loss: tf.Tensor, margins: tf.Tensor, **terms: tf.Tensor) -> Judged:
        """Returns what is shown of every certified objective, beside `loss` [batch].

        Terms: "verified", the share whose margins are above 0 (with fused bounds those of
        intervals, as that has no margins of its own); "looseness", by how much, as a mean
        over the wrong classes, the bound of a margin lies below the clean one, in logits.
        """
        own = tf.one_hot(self.label, self.logits.shape[1])
        clean = tf.reduce_sum(own * self.logits, axis=1, keepdims=True) - self.logits
        others = tf.cast(self.logits.shape[1] - 1, tf.float32)
        loose = tf.reduce_sum((1.0 - own) * (clean - margins), axis=1) / others
        verified = tf.reduce_all((margins > 0) | (own > 0), axis=1)
        shown = {"verified": tf.cast(verified, tf.float32), "looseness": loose}
        return Judged(loss, self.logits, shown | terms)


SHOWN = ("verified", "looseness")
"""The terms of all certified objectives."""
Penalty = Callable[[Bounded, tf.Tensor], tf.Tensor]
"""Of what is bounded and the step to a scalar that is descended too."""


def bounded(
    network: keras.Model,
    batch: Batch,
    epsilon: Number | Schedule,
    step: tf.Tensor,
    *,
    norm: str = "linf",
    style: str | None = None,
) -> Bounded:
    """Returns the network in training mode around the batch.

    Args:
        network: a functional or sequential Keras model of images to logits.
        batch: clean images.
        epsilon: radius over pixels in [0, 1].
        step: int64 scalar.
        norm: "linf", "l2" or "l1".
        style: of linear bounds inside; None has intervals there.
    """
    program, logits = training_mode(network, batch.image)
    region = Region.around(batch.image, tf.cast(at(epsilon, step), tf.float32), norm)
    return within(network, batch, program, logits, region, style)


def within(
    network: keras.Model,
    batch: Batch,
    program: Program,
    logits: tf.Tensor,
    region: Region,
    style: str | None = None,
) -> Bounded:
    """Returns the network in training mode in a region."""
    if style is None:
        ends = dict(enumerate(intervals(program, region)))
    else:
        ends = inner(program, region, style)
    return Bounded(network, program, tf.cast(logits, tf.float32), region, ends, batch.label)


def robust_cross_entropy(margins: tf.Tensor) -> tf.Tensor:
    """Returns log sum_j exp(-margin_j), the cross-entropy of the worst logits, [batch].

    Args:
        margins: [batch, classes] lower bounds of z_y - z_j, 0 at the label.
    """
    return tf.reduce_logsumexp(-margins, axis=1)


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


def mixed(
    here: Bounded, natural: Number | Schedule, robust: tf.Tensor, step: tf.Tensor
) -> tf.Tensor:
    """Returns natural * CE(clean) + (1 - natural) * robust, [batch]."""
    if natural == 0.0:
        return robust
    weight = tf.cast(at(natural, step), tf.float32)
    return weight * cross_entropy(here.logits, here.label) + (1.0 - weight) * robust


def total(penalties: Sequence[Penalty], here: Bounded, step: tf.Tensor) -> tf.Tensor:
    """Returns the sum of all penalties, a scalar."""
    return tf.add_n([tf.zeros([])] + [penalty(here, step) for penalty in penalties])


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
