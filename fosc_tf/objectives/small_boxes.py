"""What SABR descends: bounds over small boxes around adversarial images.

objective = small_boxes(epsilon=0.1, share=0.4)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import keras
import tensorflow as tf

from fosc_tf.bounds.primitives import Affine, Nonlinear, Style
from fosc_tf.bounds.program import Program
from fosc_tf.bounds.region import Region
from fosc_tf.bounds.training_mode import training_mode
from fosc_tf.objectives.adversarial import Objective
from fosc_tf.objectives.bounded import (
    Penalty,
    mixed,
    robust_cross_entropy,
    total,
    within,
)
from fosc_tf.schedules import at
from fosc_tf.types import Batch, Found, Judged, Number, Schedule


def small_boxes(
    *,
    epsilon: Number | Schedule,
    share: float,
    natural: Number | Schedule = 0.0,
    keeps: float = 1.0,
    penalties: Sequence[Penalty] = (),
) -> Objective:
    """Returns the robust cross-entropy of interval bounds over a small box.

    The terms "verified" and "looseness" are those of the small box: no proof of the whole one.

    The box has `share` of the half-width that the images' own box has at each pixel, and lies
    inside of it, as near to the adversarial image as it can.

    Source: SABR, Müller et al. 2023, section 3; the half-widths of each pixel as in CTBench, where
    the authors' own code leaves the box at pixels near 0 and 1.

    Args:
        epsilon: radius over pixels in [0, 1], linf.
        share: lambda, in (0, 1].
        natural: weight of the clean cross-entropy.
        keeps: share of the upper end that is kept at nonlinear steps whose input may be of both
            signs. Below 1 these are no bounds any more; the authors' recipe for 2 / 255 has 0.8.
        penalties: of what is bounded.
    """

    def objective(
        network: keras.Model, batch: Batch, found: Found | None, step: tf.Tensor
    ) -> Judged:
        program, logits = training_mode(network, batch.image)
        radius = tf.cast(at(epsilon, step), tf.float32)
        region = small_box(batch.image, found.image, radius, share)
        seen = shrunk(program, keeps) if keeps < 1.0 else program
        here = within(network, batch, seen, logits, region)
        margins = here.interval_margins()
        loss = mixed(here, natural, robust_cross_entropy(margins), step)
        return here.judged(loss + total(penalties, here, step), margins)

    return objective


def small_box(image: tf.Tensor, image_adv: tf.Tensor, epsilon: tf.Tensor, share: float) -> Region:
    """Returns the box around `image_adv` within that of `image`, both [batch, ...] in [0, 1]."""
    whole = Region.around(image, epsilon)
    radius = share * 0.5 * (whole.upper - whole.lower)
    # Rounding may leave the lower limit above the upper one, by a digit.
    centre = tf.minimum(tf.maximum(image_adv, whole.lower + radius), whole.upper - radius)
    return Region(centre, radius, "linf", centre - radius, centre + radius)


@dataclasses.dataclass(frozen=True)
class _Shrunk(Nonlinear):
    """A function whose input's upper end is drawn in where its sign is open."""

    whole: Nonlinear
    keeps: float

    def interval(self, lower: tf.Tensor, upper: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Nonlinear`."""
        return self.whole.interval(
            lower, tf.where((lower < 0) & (upper > 0), self.keeps * upper, upper)
        )

    def slopes(self, lower: tf.Tensor, upper: tf.Tensor) -> tf.Tensor | None:
        """See `Nonlinear`."""
        return self.whole.slopes(lower, upper)

    def pull(
        self, rows: tf.Tensor, lower: tf.Tensor, upper: tf.Tensor, style: Style
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Nonlinear`."""
        return self.whole.pull(rows, lower, upper, style)


def shrunk(program: Program, keeps: float) -> Program:
    """Returns the program whose ReLUs see only `keeps` of an upper end of open sign."""
    steps = [
        each
        if isinstance(each.primitive, Affine)
        else each._replace(primitive=_Shrunk(each.primitive, keeps))
        for each in program.steps
    ]
    return program._replace(steps=steps)
