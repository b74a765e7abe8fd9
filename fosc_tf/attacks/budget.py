"""How many steps each example may climb: one number, a schedule, or a mixture within the batch.

steps_per_example(10, step, batch)      # 10 for each example
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from fosc_tf.number import number
from fosc_tf.readable import one_line
from fosc_tf.replicas import rows_of_global_batch
from fosc_tf.schedules import at
from fosc_tf.types import Batch, Number, PerExample, Schedule


@dataclasses.dataclass(frozen=True)
class Mixed:
    """Cuts the batch into equal chunks that climb 0, 1, ..., `strength` steps (see `curriculum`).

    Source: batch mixing of Cai et al. 2018, section 3.3. The strongest chunk takes the remainder.

    Attributes:
        strength: the strongest number of steps, at least 0, a number or a schedule.
    """

    strength: int | Schedule

    def __post_init__(self) -> None:
        number("strength", self.strength, "strength=10", least=0, changing=True)

    def __repr__(self) -> str:
        """Returns one line; a schedule by its name."""
        return one_line("Mixed", {"strength": self.strength})

    def of_global_batch(self, step: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """Returns [rows] int32 steps, ascending from 0 to the strength at this step."""
        strength = tf.cast(at(self.strength, step), tf.int32)
        chunk = tf.maximum(rows // (strength + 1), 1)
        return tf.minimum(tf.range(rows) // chunk, strength)


Budget = int | Schedule | Mixed | PerExample


def steps_per_example(
    budget: Budget | Number, step: tf.Tensor, rows: tf.Tensor, batch: Batch | None = None
) -> tf.Tensor:
    """Returns the steps that each of this replica's `rows` examples may climb, [rows] int32.

    Args:
        budget: a number, a schedule, `Mixed` or a `PerExample`, which looks at `batch`.
        step: int64 scalar, batches trained on so far.
        rows: int32 scalar.
        batch: these examples.
    """
    if isinstance(budget, Mixed):
        return rows_of_global_batch(lambda count: budget.of_global_batch(step, count), rows)
    return tf.broadcast_to(tf.cast(at(budget, step, batch), tf.int32), [rows])
