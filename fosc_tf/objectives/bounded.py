"""A network in training mode, and what certified objectives ask of its bounds around a batch.

here = bounded(network, batch, 0.3, step)
robust_cross_entropy(here.interval_margins())      # [batch]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from fosc_tf.bounds.inner_bounds import inner
from fosc_tf.bounds.interval_bounds import Interval, intervals
from fosc_tf.bounds.leads import by_class, elided, leads
from fosc_tf.bounds.linear_bounds import lower_bounds
from fosc_tf.bounds.program import Program
from fosc_tf.bounds.region import Region
from fosc_tf.bounds.training_mode import training_mode
from fosc_tf.schedules import at
from fosc_tf.terms import cross_entropy
from fosc_tf.types import Batch, Judged, Number, Schedule


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

    def margins_of(self, logits: tf.Tensor) -> tf.Tensor:
        """Returns z_y - z_j of logits [batch, classes] as they are, likewise."""
        own = tf.one_hot(self.label, logits.shape[1])
        return tf.reduce_sum(own * logits, axis=1, keepdims=True) - logits

    def judged(self, loss: tf.Tensor, margins: tf.Tensor, **terms: tf.Tensor) -> Judged:
        """Returns what is shown of every certified objective, beside `loss` [batch].

        Terms: "verified", the share whose margins are above 0 (with fused bounds those of
        intervals, as that has no margins of its own); "looseness", by how much, as a mean
        over the wrong classes, the bound of a margin lies below the clean one, in logits.
        """
        own = tf.one_hot(self.label, self.logits.shape[1])
        clean = self.margins_of(self.logits)
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
