"""A value or a function of the step."""

import tensorflow as tf

from fosc_tf.schedules import at


def test_values_pass_through():
    assert at(0.3, 5) == 0.3
    assert at("uniform", 5) == "uniform"
    tensor = tf.constant(2.0)
    assert at(tensor, 5) is tensor


def test_schedules_are_asked_with_an_int64_step():
    seen = []

    def schedule(step):
        seen.append(step)
        return step * 2

    assert int(at(schedule, 5)) == 10
    assert int(at(schedule, tf.constant(6, tf.int32))) == 12
    assert [step.dtype for step in seen] == [tf.int64, tf.int64]
