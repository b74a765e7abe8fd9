"""A learning rate in periods: the same course in each, and as a file tells it."""

import keras
import numpy as np

from fosc_tf.schedules import Clock, in_periods, learning_rate, step_decay

CLOCK = Clock(4)


def test_drops_at_the_same_share_of_each_period():
    rate = in_periods(step_decay(1.0, drop_epochs=(4, 6), clock=CLOCK), (8, 4, 2), clock=CLOCK)
    by_epoch = [float(rate(4 * epoch)) for epoch in range(14)]
    expected = [1.0] * 4 + [0.1] * 2 + [0.01] * 2 + [1.0] * 2 + [0.1, 0.01] + [1.0, 0.1]
    np.testing.assert_allclose(by_epoch, expected, rtol=1e-6)
    # The first update of an epoch is the first with its rate, in a faster period too.
    np.testing.assert_allclose([float(rate(s)) for s in (39, 40, 43, 44)], [1, 0.1, 0.1, 0.01])
    np.testing.assert_allclose([float(rate(s)) for s in (31, 32, 47, 48)], [0.01, 1, 0.01, 1])


def test_cosine_begins_again():
    whole = learning_rate.get("cosine", learning_rate=0.2, total_epochs=4, clock=CLOCK)
    rate = in_periods(whole, (4, 4), clock=CLOCK)
    first = [float(whole(step)) for step in range(16)]
    np.testing.assert_allclose([float(rate(step)) for step in range(32)], first + first)


def test_a_number_and_a_single_period_stay_what_they_are():
    rate = step_decay(1.0, drop_epochs=(4,), clock=CLOCK)
    assert in_periods(0.1, (4, 4), clock=CLOCK) == 0.1
    assert in_periods(rate, (8,), clock=CLOCK) is rate


def test_a_file_tells_it():
    rate = in_periods(step_decay(1.0, drop_epochs=(4,), clock=CLOCK), (8, 4), clock=CLOCK)
    optimizer = keras.optimizers.SGD(rate)
    again = keras.optimizers.SGD.from_config(optimizer.get_config())._learning_rate
    assert [float(again(s)) for s in range(60)] == [float(rate(s)) for s in range(60)]
