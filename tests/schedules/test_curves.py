"""Curves over epochs at steps done by hand."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.schedules import Clock, begun, fosc_threshold, staircase, switch

CLOCK = Clock(10)


def values(schedule, *steps):
    return [schedule(tf.constant(step, tf.int64)).numpy() for step in steps]


def test_threshold_falls_linearly_and_stays_at_zero():
    """c_max = 0.5 and T' = 4: 0.5, 0.375, 0.25, 0.125, then 0."""
    threshold = fosc_threshold(c_max=0.5, control_epochs=4, clock=CLOCK)
    at_epochs = values(threshold, *range(0, 70, 10))
    np.testing.assert_allclose(at_epochs, [0.5, 0.375, 0.25, 0.125, 0.0, 0.0, 0.0], rtol=1e-6)
    assert at_epochs[4] == 0.0  # exactly, not up to rounding


def test_threshold_stops_at_its_floor():
    """c_max = 0.5, T' = 4, floor 0.2: 0.5, 0.375, 0.25, then 0.2."""
    threshold = fosc_threshold(c_max=0.5, c_min=0.2, control_epochs=4, clock=CLOCK)
    found = values(threshold, *range(0, 60, 10))
    np.testing.assert_allclose(found, [0.5, 0.375, 0.25, 0.2, 0.2, 0.2], rtol=1e-6)


def test_threshold_is_constant_within_an_epoch():
    threshold = fosc_threshold(c_max=0.5, control_epochs=4, clock=CLOCK)
    assert len(set(values(threshold, *range(10, 20)))) == 1
    assert values(threshold, 9) != values(threshold, 10)
    assert values(threshold, 19) != values(threshold, 20)


@pytest.mark.parametrize("control_epochs", [1, 3, 40, 100])
def test_threshold_is_exactly_zero_from_the_control_epoch_on(control_epochs):
    threshold = fosc_threshold(c_max=0.5, control_epochs=control_epochs, clock=CLOCK)
    last, first = values(threshold, 10 * control_epochs - 1, 10 * control_epochs)
    np.testing.assert_allclose(last, 0.5 / control_epochs, rtol=1e-4)
    assert first == 0.0


def test_the_papers_threshold():
    threshold = fosc_threshold(c_max=0.5, control_epochs=40, clock=Clock(468))
    # Epoch 10 of 40 is a quarter of the way.
    np.testing.assert_allclose(values(threshold, 10 * 468, 30 * 468), [0.375, 0.125], rtol=1e-6)


def test_threshold_reads_a_measured_ceiling_when_asked():
    ceiling = tf.Variable(0.2)
    threshold = fosc_threshold(c_max=ceiling.read_value, control_epochs=2, clock=CLOCK)
    compiled = tf.function(threshold)
    step = tf.constant(10, tf.int64)
    np.testing.assert_allclose(compiled(step), 0.1, rtol=1e-6)
    ceiling.assign(0.8)
    np.testing.assert_allclose(compiled(step), 0.4, rtol=1e-6)


def test_switch_changes_as_the_epoch_begins():
    numbers = switch(before=1, after=10, epoch=2, clock=CLOCK)
    assert values(numbers, 0, 19, 20, 21, 99) == [1, 1, 10, 10, 10]
    sizes = switch(before=0.3, after=0.075, epoch=2, clock=CLOCK)
    np.testing.assert_allclose(values(sizes, 19, 20), [0.3, 0.075])
    assert values(switch(before=1, after=10, epoch=0, clock=CLOCK), 0) == [10]


def test_staircase_has_equally_long_lessons():
    """Six epochs for the lessons 0, 1, 2: two epochs each; the last one stays."""
    lesson = staircase(highest=2, total_epochs=6, clock=CLOCK)
    assert values(lesson, *range(0, 80, 10)) == [0, 0, 1, 1, 2, 2, 2, 2]
    assert values(lesson, 19, 20, 39, 40) == [0, 1, 1, 2]
    assert lesson(tf.constant(0, tf.int64)).dtype == tf.int32


def test_staircase_with_lessons_of_broken_length():
    """Ten epochs for the lessons 0..3 of 2.5 epochs: they begin at epochs 0, 3, 5 and 8."""
    lesson = staircase(highest=3, total_epochs=10, clock=CLOCK)
    assert values(lesson, *range(0, 100, 10)) == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]


def test_staircase_reaches_the_top_within_the_papers_epochs():
    lesson = staircase(highest=10, total_epochs=50, clock=CLOCK)
    found = values(lesson, *range(0, 500, 10))
    assert (found[0], found[-1]) == (0, 10)
    assert sorted(set(found)) == list(range(11))
    assert all(4 <= found.count(level) <= 5 for level in range(11))


def test_begun_counts_epochs():
    count = begun(epochs=(0, 2, 5), clock=Clock(10))
    assert [int(count(step)) for step in (0, 19, 20, 49, 50, 999)] == [1, 1, 2, 2, 3, 3]
    assert count.ends == 5
    assert int(begun(epochs=(), clock=Clock(10))(99)) == 0
