"""What changes with time is a pure function of the step, asked inside the graph.

step_size = constant_or_schedule
at(step_size, step)
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def at(value: Any, step: tf.Tensor | int) -> Any:
    """Returns `value(step)` for a schedule and `value` itself for anything else.

    Args:
        value: a number, a tensor or a schedule.
        step: int64 scalar, weight updates done so far.
    """
    return value(tf.cast(step, tf.int64)) if callable(value) else value
