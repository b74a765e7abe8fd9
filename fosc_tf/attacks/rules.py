"""How a climb goes on from a point: step rules, values with a memory of their own.

rule = get("steepest")
rule = Momentum(decay=1.0)
"""

from __future__ import annotations

import abc
import dataclasses
from typing import Any

import tensorflow as tf

from fosc_tf.attacks.ball import Ball, flat, wide
from fosc_tf.number import number
from fosc_tf.registry import Registry
from fosc_tf.types import Batch, Point, Rows

RULES = Registry("step rule")
register, names = RULES.register, RULES.names


class StepRule(abc.ABC):
    """Turns what was seen at a point into the next image; the ball is kept by whoever calls."""

    def begin(self, batch: Batch, rows: Rows, step: tf.Tensor) -> Any:
        """Returns the memory before the first step, a nest of tensors [batch, ...]; none here.

        Args:
            batch: clean, with what is known of its examples.
            rows: what belongs to them at this step.
            step: int64 scalar, batches trained on so far.
        """
        del batch, rows, step
        return ()

    @abc.abstractmethod
    def __call__(self, point: Point, rows: Rows, memory: Any, ball: Ball) -> tuple[tf.Tensor, Any]:
        """Returns the image to be projected next, [active, ...], and the memory after this step.

        Args:
            point: where the examples that are still climbing are.
            rows: what belongs to them.
            memory: of theirs.
            ball: the geometry.
        """


@register("steepest")
@dataclasses.dataclass(frozen=True)
class Steepest(StepRule):
    """A step of `step_size` along the steepest direction of the norm (Madry et al. 2018)."""

    def __call__(self, point: Point, rows: Rows, memory: Any, ball: Ball) -> tuple[tf.Tensor, Any]:
        """Returns x + step_size * steepest(gradient)."""
        step = wide(rows.step_size, point.image)
        return point.image + step * ball.steepest(point.gradient, point.image), memory


@dataclasses.dataclass(frozen=True)
class Shortening(StepRule):
    """Steps as `Steepest` takes them, that are multiplied by `factor` after some of them.

    Source: the attack of SABR, Müller et al. 2023, in the code of its authors.

    Attributes:
        after: numbers of steps after which they shorten, ascending.
        factor: in (0, 1].
    """

    after: tuple[int, ...]
    factor: float = 0.1

    def begin(self, batch: Batch, rows: Rows, step: tf.Tensor) -> tf.Tensor:
        """Returns how many steps each example has taken, [batch] int32."""
        del batch, step
        return tf.zeros(tf.shape(rows.image)[:1], tf.int32)

    def __call__(
        self, point: Point, rows: Rows, memory: tf.Tensor, ball: Ball
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the next image, and the steps counted."""
        passed = tf.constant(self.after, tf.int32, [len(self.after)]) <= memory[:, None]
        share = self.factor ** tf.reduce_sum(tf.cast(passed, tf.float32), axis=1)
        step = wide(rows.step_size * share, point.image)
        return point.image + step * ball.steepest(point.gradient, point.image), memory + 1


@register("momentum")
@dataclasses.dataclass(frozen=True)
class Momentum(StepRule):
    """A step along the steepest direction of g <- decay * g + gradient / ||gradient||_1.

    Source: MI-FGSM, Dong et al. 2018, Algorithm 1, whose decay is 1.

    Attributes:
        decay: mu, at least 0; with 0 this is `Steepest`.

    Raises:
        UserError: a decay that is no number.
    """

    decay: float = 1.0

    def __post_init__(self) -> None:
        number("decay", self.decay, "decay=1.0")

    def begin(self, batch: Batch, rows: Rows, step: tf.Tensor) -> tf.Tensor:
        """Returns g = 0."""
        del batch, step
        return tf.zeros_like(rows.image)

    def __call__(
        self, point: Point, rows: Rows, memory: tf.Tensor, ball: Ball
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns x + step_size * steepest(g), and g."""
        length = tf.reduce_sum(tf.abs(flat(point.gradient)), axis=1)
        unit = tf.math.divide_no_nan(point.gradient, wide(length, point.image))
        memory = self.decay * memory + unit
        step = wide(rows.step_size, point.image)
        return point.image + step * ball.steepest(memory, point.image), memory


def get(rule: str | StepRule) -> StepRule:
    """Returns the step rule of that name, or `rule` itself.

    Raises:
        UserError: neither of these.
    """
    return rule if isinstance(rule, StepRule) else RULES.get(rule)
