"""Who may still climb: at each new point a gate looks at where an example is and may stop it.

    attack = PGD(epsilon=0.3, step_size=0.075, num_steps=10, gate=fosc_above(0.2))

The simplest gate is a function `gate(point, step) -> [batch] bool`, where True climbs on. It is
asked after the first step. A `Gate` may remember something of each example while it climbs, and may
be asked before the first step.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.number import number
from fosc_tf.readable import one_line, readable
from fosc_tf.registry import Registry, check_takes
from fosc_tf.schedules import at
from fosc_tf.terms import is_right
from fosc_tf.types import Batch, Number, Point, Schedule

GATES = Registry("gate")
register, names = GATES.register, GATES.names


class Gate(abc.ABC):
    """A gate with a memory.

    Attributes:
        least_steps: how many steps everyone takes before it is asked: 1, or 0 where an example may
            stop at its start.
    """

    least_steps = 1

    def begin(self, batch: Batch) -> Any:
        """Returns the memory before the climb, a nest of tensors [batch, ...]; none here."""
        del batch
        return ()

    @abc.abstractmethod
    def __call__(self, point: Point, step: tf.Tensor, memory: Any) -> tuple[tf.Tensor, Any]:
        """Returns who climbs on, [active] bool, and the memory of everyone at `point`.

        Args:
            point: where the examples that are still climbing are.
            step: int64 scalar, batches trained on so far.
            memory: of theirs.
        """


@dataclasses.dataclass(frozen=True)
class Forgetful(Gate):
    """A function of point and step as a gate, see `from_start`."""

    function: Callable[[Point, tf.Tensor], tf.Tensor]
    least_steps: int = 1

    def __repr__(self) -> str:
        """Returns what the function says of itself, and when it is asked if that is unusual."""
        said = readable(self.function)
        return said if self.least_steps else f"from_start({said})"

    def __call__(self, point: Point, step: tf.Tensor, memory: Any) -> tuple[tf.Tensor, Any]:
        """Returns what the function says."""
        return self.function(point, step), memory


@dataclasses.dataclass(frozen=True)
class FoscAbove:
    """Lets climb who is still above `threshold`: V = 1(FOSC > c_t), see `fosc_above`."""

    threshold: Number | Schedule

    def __repr__(self) -> str:
        """Returns one line; a schedule by its name."""
        return one_line("FoscAbove", {"threshold": self.threshold})

    def __call__(self, point: Point, step: tf.Tensor) -> tf.Tensor:
        """Returns [batch] bool: True where the example has not converged enough."""
        return point.fosc > tf.cast(at(self.threshold, step), tf.float32)


@register("fosc_above")
def fosc_above(threshold: Number | Schedule) -> FoscAbove:
    """Returns the gate of Dynamic training: climb while FOSC > threshold.

    Source: Wang et al. 2019, Algorithm 1, whose printed "<=" contradicts its own comment.

    Args:
        threshold: c_t in loss units, a number or a schedule; -inf never stops anyone.

    Raises:
        UserError: a threshold that is neither, or NaN.
    """
    return FoscAbove(number("threshold", threshold, "fosc_above(0.2)", changing=True))


def from_start(function: Callable[[Point, tf.Tensor], tf.Tensor]) -> Gate:
    """Returns the gate that asks `function` before the first step already.

    For climbs that begin where an earlier one has led: who has come far enough spends one gradient
    to be told so, and takes no step.

    Args:
        function: of a point and the step to [active] bool, such as `fosc_above(0.2)`.
    """
    return Forgetful(function, least_steps=0)


def still_right(point: Point, step: tf.Tensor) -> tf.Tensor:
    """Lets climb who is still classified as its label: for evaluation, where any error counts.

    Returns:
        [batch] bool: True where the largest logit is the label's, and none is NaN.
    """
    del step
    return is_right(point.logits, point.label)


register("still_right")(lambda: still_right)


@register("friendly")
@dataclasses.dataclass(frozen=True)
class Friendly(Gate):
    """Stops an example that is misclassified once it has climbed `tau` steps from wrong points.

    Source: friendly adversarial training, Zhang et al. 2020, Algorithm 1; with tau = 0 whoever is
    misclassified at the start does not move.

    Attributes:
        tau: a whole number >= 0, or a schedule.

    Raises:
        UserError: another tau.
    """

    tau: int | Schedule = 0
    least_steps = 0

    def __post_init__(self) -> None:
        number("tau", self.tau, "tau=1", least=0, changing=True)

    def __repr__(self) -> str:
        """Returns one line; a schedule by its name."""
        return one_line("Friendly", {"tau": self.tau})

    def begin(self, batch: Batch) -> tf.Tensor:
        """Returns how many steps from wrong points each example has taken, [batch] int32."""
        return tf.zeros_like(batch.label)

    def __call__(
        self, point: Point, step: tf.Tensor, memory: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns who is right or has steps left, and the count with this one."""
        wrong = ~is_right(point.logits, point.label)
        left = memory < tf.cast(at(self.tau, step), tf.int32)
        return ~wrong | left, memory + tf.cast(wrong, tf.int32)


def get(gate: str | Gate | Callable[..., tf.Tensor] | None) -> Gate | None:
    """Returns the gate of that name, or `gate` itself as a `Gate`; None stays None.

    Raises:
        UserError: neither of these.
    """
    if isinstance(gate, str) and gate in names():
        gate = GATES.get(gate)
    if gate is None or isinstance(gate, Gate):
        return gate
    if gate is fosc_above or isinstance(gate, type) or not callable(gate):
        raise UserError(
            "gate must be None or a function of point and step", "fosc_above(0.2)", f"gate={gate!r}"
        )
    check_takes("gate", gate, ("point", "step"))
    return Forgetful(gate)
