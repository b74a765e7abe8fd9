"""Everything that changes with time, as pure functions of the step."""

from fosc_tf.schedules.annealed import annealed_steps, path_step
from fosc_tf.schedules.clock import Clock
from fosc_tf.schedules.curve import Curve
from fosc_tf.schedules.curves import begun, fosc_threshold, staircase, switch
from fosc_tf.schedules.learning_rate import step_decay
from fosc_tf.schedules.ramps import epsilon_ramp, following
from fosc_tf.schedules.schedule import at

__all__ = [
    "Clock",
    "Curve",
    "annealed_steps",
    "at",
    "begun",
    "epsilon_ramp",
    "following",
    "fosc_threshold",
    "path_step",
    "staircase",
    "step_decay",
    "switch",
]
