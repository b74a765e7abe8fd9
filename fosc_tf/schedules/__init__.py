"""Everything that changes with time, as pure functions of the step."""

from fosc_tf.schedules.clock import Clock
from fosc_tf.schedules.curve import Curve
from fosc_tf.schedules.curves import fosc_threshold, staircase, switch
from fosc_tf.schedules.learning_rate import step_decay
from fosc_tf.schedules.schedule import at

__all__ = ["Clock", "Curve", "at", "fosc_threshold", "staircase", "step_decay", "switch"]
