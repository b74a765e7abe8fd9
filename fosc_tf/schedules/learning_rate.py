"""Learning rates as the papers give them: divided at certain epochs.

rate = step_decay(0.01, drop_epochs=(20, 40), drop_factor=0.1, clock=Clock(468))
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from fosc_tf.schedules.clock import Clock


def step_decay(
    learning_rate: float, *, drop_epochs: Sequence[int], drop_factor: float, clock: Clock
) -> keras.optimizers.schedules.LearningRateSchedule | float:
    """Returns the rate that is multiplied by `drop_factor` as each of `drop_epochs` begins.

    Args:
        learning_rate: the first rate.
        drop_epochs: 0-based epochs, ascending; with (20, 40) epochs 20 to 39 use the second rate.
        drop_factor: 0.1 divides by ten.
        clock: turns epochs into steps.
    """
    if not drop_epochs:
        return learning_rate
    # Keras keeps the old value AT a boundary; the last step of the epoch before is the boundary.
    boundaries = [epoch * clock.steps_per_epoch - 1 for epoch in drop_epochs]
    values = [learning_rate * drop_factor**drops for drops in range(len(boundaries) + 1)]
    return keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, values)
