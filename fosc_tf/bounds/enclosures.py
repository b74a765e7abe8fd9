"""What exact verification starts from: CROWN's margins, and ends as near as they are had cheaply.

margin, boxes = Enclosures().of(network, Enclosures().boxes, image, label, epsilon=0.1)
"""

from __future__ import annotations

import dataclasses
from typing import Any

import tensorflow as tf

from fosc_tf.bounds.inner_bounds import inner
from fosc_tf.bounds.interval_bounds import Interval, intervals
from fosc_tf.bounds.leads import by_class, leads
from fosc_tf.bounds.linear_bounds import lower_bounds
from fosc_tf.bounds.methods import Asked
from fosc_tf.bounds.primitives import Affine
from fosc_tf.bounds.program import read


@dataclasses.dataclass(frozen=True)
class Enclosures(Asked):
    """See `Asked`: CROWN in linf and float64."""

    method: str = "crown"
    dtype: str = "float64"

    def boxes(
        self, network: Any, image: tf.Tensor, label: tf.Tensor, epsilon: tf.Tensor
    ) -> tuple[tf.Tensor, list[Interval]]:
        """Returns margins, and the ends of the image and then of what each nonlinear step reads.

        Ends are linear ones cut with intervals.

        Returns:
            [batch, classes], as `margins`; Intervals of [batch, ...] float64.
        """
        program, region = read(network), self.region(image, epsilon)
        ends = inner(program, region, self.style)
        for number, box in enumerate(intervals(program, region)):
            lower = tf.maximum(ends[number].lower, box.lower)
            upper = tf.minimum(ends[number].upper, box.upper)
            ends[number] = Interval(lower, tf.maximum(lower, upper))  # rounding crosses equal ends
        rows = leads(program, label, self.dtype)
        margin = lower_bounds(program, region, ends, rows, program.result, style=self.style)
        bent = [step for step in program.steps if not isinstance(step.primitive, Affine)]
        return by_class(margin, label), [ends[0], *(ends[step.inputs[0]] for step in bent)]
