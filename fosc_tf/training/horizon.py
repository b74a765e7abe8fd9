"""Schedules that a training does not live to see the end of.

tell_unfinished(defense.schedules, epochs=5)      # threshold changes until epoch 40
"""

from __future__ import annotations

from collections.abc import Mapping

from absl import logging

from fosc_tf.schedules import Curve
from fosc_tf.types import Schedule


def tell_unfinished(schedules: Mapping[str, Schedule], epochs: int) -> None:
    """Warns of schedules that change after the last epoch.

    Args:
        schedules: of the defense, by name; of functions nobody knows where they end.
        epochs: how many the training has.
    """
    for name, schedule in schedules.items():
        if isinstance(schedule, Curve) and schedule.ends > epochs:
            logging.warning(
                "%s changes for %d epochs and fit ends after %d: %r. Give the defense a shorter "
                "schedule unless another fit goes on",
                name,
                schedule.ends,
                epochs,
                schedule,
            )
