"""Steps that are short where gradients have been large, as ATAS takes them.

rule = RunningNorm(constant=1.28, beta=0.5, least=4 / 255, most=14 / 255)
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from fosc_tf.attacks.ball import Ball, column, flat
from fosc_tf.attacks.rules import StepRule
from fosc_tf.types import Batch, Point, Rows, Schedule

SQUARES = "squared_norm"


@dataclasses.dataclass(frozen=True)
class RunningNorm(StepRule):
    """A step of clip(step_size * c / (c + sqrt(v)), least, most) along the steepest direction.

    v <- beta * v + (1 - beta) * ||gradient||_2^2 with the gradient at hand, from the v that is
    remembered of the example in the batch's context, under `SQUARES`.

    Source: ATAS, Huang et al. 2022, Algorithm 5.3 of Liu's thesis; see `defenses.atas` for units.

    Attributes:
        constant: c, in nats of one example's loss per unit of pixels.
        beta: share of v that stays.
        least: shortest step, in the units of the ball.
        most: longest step.
        alike: a schedule; while it says more than 0, everybody's step is that long.
    """

    constant: float
    beta: float
    least: float
    most: float
    alike: Schedule

    def begin(self, batch: Batch, rows: Rows, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns v, and the step that is the same for all or 0, both [batch]."""
        del rows
        before = batch.context[SQUARES]
        return before, tf.fill(tf.shape(before), self.alike(step))

    def __call__(
        self, point: Point, rows: Rows, memory: tuple[tf.Tensor, tf.Tensor], ball: Ball
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, tf.Tensor]]:
        """Returns the point after the step, and v."""
        before, alike = memory
        squares = self.moved(before, squared_norm(point))
        length = rows.step_size * self.constant / (self.constant + tf.sqrt(squares))
        length = tf.clip_by_value(length, self.least, self.most)
        length = tf.where(alike > 0, alike, length)
        ahead = column(length, point.image) * ball.steepest(point.gradient, point.image)
        return point.image + ahead, (squares, alike)

    def moved(self, before: tf.Tensor, squares: tf.Tensor) -> tf.Tensor:
        """Returns v, [batch], after a gradient with that square of its norm."""
        return self.beta * before + (1.0 - self.beta) * squares


def squared_norm(point: Point) -> tf.Tensor:
    """Returns ||gradient||_2^2 of each example's own loss, [batch]."""
    return tf.reduce_sum(flat(point.gradient) ** 2, axis=1)
