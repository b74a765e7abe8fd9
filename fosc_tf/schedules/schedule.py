"""What changes with time is a pure function of the step, asked inside the graph.

step_size = constant_or_schedule
at(step_size, step)
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from fosc_tf.types import Batch, PerExample


def at(value: Any, step: tf.Tensor | int, batch: Batch | None = None) -> Any:
    """Returns what `value` is at `step`: of a schedule a scalar, of a `PerExample` [batch].

    Args:
        value: a number, a tensor, a schedule or a `PerExample`; the first two are returned.
        step: int64 scalar, batches trained on so far.
        batch: of whose examples a `PerExample` tells.
    """
    step = tf.cast(step, tf.int64) if callable(value) or isinstance(value, PerExample) else step
    if isinstance(value, PerExample):
        return value.of(step, batch)
    return value(step) if callable(value) else value
