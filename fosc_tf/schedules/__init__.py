"""Everything that changes with time, as pure functions of the step."""

from fosc_tf.schedules.annealed import annealed_steps, path_step
from fosc_tf.schedules.clock import Clock
from fosc_tf.schedules.curve import Curve
from fosc_tf.schedules.curves import begun, fosc_threshold, staircase, switch
from fosc_tf.schedules.learning_rate import step_decay
from fosc_tf.schedules.periodic import periodic_epsilon
from fosc_tf.schedules.ramps import (
    delayed_threshold,
    doubling,
    epsilon_ramp,
    following,
    held_before,
    times,
)
from fosc_tf.schedules.restarts import in_periods
from fosc_tf.schedules.schedule import at

__all__ = [
    "Clock",
    "Curve",
    "annealed_steps",
    "at",
    "begun",
    "delayed_threshold",
    "doubling",
    "epsilon_ramp",
    "following",
    "held_before",
    "in_periods",
    "fosc_threshold",
    "path_step",
    "periodic_epsilon",
    "staircase",
    "step_decay",
    "switch",
    "times",
]
