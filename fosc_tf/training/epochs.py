"""Where a call of `fit` begins and ends, in batches trained on.

plan = Plan(initial_epoch=0, epochs=50, counted=counted(dataset, [clock]))
first, last = plan.steps([clock], seen=0, length=468)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fosc_tf.schedules import Clock


def counted(dataset: tf.data.Dataset, clocks: Sequence[Clock]) -> int | None:
    """Returns how many batches a dataset has that does not say so; None if no clock asks."""
    if not clocks or dataset.cardinality() != tf.data.UNKNOWN_CARDINALITY:
        return None
    known = [clock.steps_per_epoch for clock in clocks if clock.steps_per_epoch is not None]
    if known:  # one more than expected says enough
        dataset = dataset.take(max(known) + 1)
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

    def steps(self, clocks: Sequence[Clock], seen: int, length: int | None) -> tuple[int, int]:
        """Returns the first and the last step, and tells the clocks how long an epoch is.

        Where no clock knows that, a training under way goes on from where it is: what is left of an
        epoch looks like a short one.

        Args:
            clocks: of the defense and its parts.
            seen: batches trained on so far.
            length: batches of an epoch as Keras knows it.

        Raises:
            UserError: see `Clock.learn`.
        """
        length = self.counted if length is None else length
        given = length
        for clock in clocks:
            known = clock.steps_per_epoch
            # A run that was cut off goes on with the rest of its epoch.
            if not (known and given and seen % known and given == known - seen % known):
                clock.learn(given)
            length = clock.steps_per_epoch
        length = length or 1
        if self.initial_epoch and seen // length != self.initial_epoch and (clocks or not seen):
            seen = self.initial_epoch * length
        epochs = max(self.epochs - self.initial_epoch, 1)
        return seen, seen - seen % length + epochs * length - 1
