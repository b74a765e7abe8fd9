"""Schedules that a training does not live to see the end of.

tell_unfinished(defense.schedules, epochs=5)      # what changes for 40 is not over
"""

from __future__ import annotations

from collections.abc import Mapping

from absl import logging

from fosc_tf.readable import amount
from fosc_tf.schedules import Curve
from fosc_tf.types import Schedule


def tell_unfinished(schedules: Mapping[str, Schedule], epochs: int) -> None:
    """Warns of schedules that change after the last epoch.

    Args:
        schedules: of the defense, by name; of functions nobody knows where they end.
        epochs: how many the training has.
    """
    curves = {name: each for name, each in schedules.items() if isinstance(each, Curve)}
    late = {name: each for name, each in curves.items() if each.ends > epochs}
    if late:
        logging.warning(
            "fit ends after %s, and what changes for %d is not over then: %s. Give the "
            "defense a shorter schedule, unless another fit goes on",
            amount(epochs, "epoch"),
            max(each.ends for each in late.values()),
            ", ".join(f"{name} = {each!r}" for name, each in late.items()),
        )
