"""Where a call of `fit` begins and ends, in batches trained on.

plan = Plan(initial_epoch=0, epochs=50, counted=counted(dataset, clock))
first, last = plan.steps(clock, seen=0, length=468)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fosc_tf.schedules import Clock


def counted(dataset: tf.data.Dataset, clock: Clock | None) -> int | None:
    """Returns how many batches a dataset has that does not say so; None if nobody asks."""
    if clock is None or dataset.cardinality() != tf.data.UNKNOWN_CARDINALITY:
        return None
    if clock.steps_per_epoch is not None:  # one more than expected says enough
        dataset = dataset.take(clock.steps_per_epoch + 1)
    return int(dataset.reduce(np.int64(0), lambda count, _: count + 1))


class Plan(NamedTuple):
    """What a call of `fit` is about to do.

    Attributes:
        initial_epoch: as given to `fit`.
        epochs: as given to `fit`, where the last one ends.
        counted: batches of an epoch, where they had to be counted.
    """

    initial_epoch: int
    epochs: int
    counted: int | None

    def steps(self, clock: Clock | None, seen: int, length: int | None) -> tuple[int, int]:
        """Returns the first and the last step, and tells the clock how long an epoch is.

        Args:
            clock: of the defense, if it has one.
            seen: batches trained on so far.
            length: batches of an epoch as Keras knows it.

        Raises:
            UserError: see `Clock.learn`.
        """
        length = self.counted if length is None else length
        if clock is not None:
            known = clock.steps_per_epoch
            # A run that was cut off goes on with the rest of its epoch.
            if not (known and length and seen % known and length == known - seen % known):
                clock.learn(length)
            length = clock.steps_per_epoch
        length = length or 1
        if self.initial_epoch and seen // length != self.initial_epoch:
            seen = self.initial_epoch * length
        epochs = max(self.epochs - self.initial_epoch, 1)
        return seen, seen - seen % length + epochs * length - 1
