"""What rises while training goes on: the ramps' values by hand, and where they bend."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import schedules
from fosc_tf.schedules import Clock, delayed_threshold, doubling, epsilon_ramp, following
from tests.data.three_parts import refused

LENGTH = 10


def ramp(**arguments):
    usual = {"final": 0.4, "start_epoch": 2, "ramp_epochs": 4, "clock": Clock(LENGTH)}
    return epsilon_ramp(**usual | arguments)


def said(schedule, steps):
    return np.array([float(schedule(tf.constant(step, tf.int64))) for step in steps])


def by_epoch(schedule, epochs, length=LENGTH):
    return said(schedule, [length * epoch + length - 1 for epoch in epochs])


def test_the_smooth_ramp_has_the_values_of_the_formula():
    """alpha (t - s0)^4 until d = t_mid - s0, then the line of slope 4 alpha d^3."""
    first, last, middle = 20, 60, 30
    d = middle - first
    alpha = 0.4 / ((last - middle) * 4 * d**3 + d**4)
    expected = [
        alpha * (t - first) ** 4 if t < middle else alpha * d**4 + 4 * alpha * d**3 * (t - middle)
        for t in range(first, last + 1)
    ]
    found = said(ramp(), range(first, last + 1))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(found[10], 0.4 / 13, rtol=1e-5)


def test_the_smooth_ramp_has_one_value_and_one_slope_at_a_quarter():
    """From finite differences: the bend is 12 alpha d^2 a step, 0.3 % of the slope."""
    rise = ramp(clock=Clock(1000))
    before, there, after = said(rise, [2999, 3000, 3001])
    np.testing.assert_allclose(there, 0.4 / 13, rtol=1e-5)
    np.testing.assert_allclose(after - there, there - before, rtol=5e-3)
    np.testing.assert_allclose(after - there, 0.4 * 4 / 13 / 1000, rtol=1e-3)


@pytest.mark.parametrize("shape", ["smooth", "linear"])
@pytest.mark.parametrize("lowest", [0.0, 1e-6])
def test_a_ramp_is_flat_before_and_exactly_final_after(shape, lowest):
    rise = ramp(shape=shape, lowest=lowest)
    assert set(said(rise, range(21))) == {np.float32(lowest)}
    assert set(said(rise, [60, 61, 1000, 10**9])) == {np.float32(0.4)}
    inside = said(rise, range(20, 61))
    assert (np.diff(inside[2:]) > 0).all()
    assert inside[-2] < np.float32(0.4)
    assert rise.ends == 6


def test_the_linear_ramp_is_a_line():
    found = said(ramp(shape="linear"), range(20, 61))
    np.testing.assert_allclose(found, 0.4 * np.arange(41) / 40, rtol=1e-6)


@pytest.mark.parametrize("shape", ["smooth", "linear"])
def test_a_ramp_of_no_epochs_jumps(shape):
    rise = ramp(ramp_epochs=0, shape=shape, lowest=1e-6)
    np.testing.assert_array_equal(said(rise, [0, 19, 20, 21]), np.float32([1e-6, 1e-6, 0.4, 0.4]))


def test_a_jump_at_the_beginning_needs_no_epochs():
    rise = epsilon_ramp(final=0.4, start_epoch=0, ramp_epochs=0, clock=Clock())
    assert set(said(rise, [0, 5])) == {np.float32(0.4)}


def test_a_weight_follows_its_ramp():
    rise = ramp()
    kappa = following(rise, first=1.0, last=0.5)
    steps = [0, 20, 30, 45, 60, 99]
    np.testing.assert_allclose(said(kappa, steps), 1.0 - 0.5 * said(rise, steps) / 0.4, rtol=1e-6)
    np.testing.assert_array_equal(said(kappa, [20, 60]), [1.0, 0.5])
    np.testing.assert_allclose(said(following(rise, first=0.0, last=1.0), [30]), 1 / 13, rtol=1e-5)
    assert kappa.ends == rise.ends


@pytest.mark.parametrize("wrong", [{"first": -0.1, "last": 1.0}, {"first": 0.0, "last": 1.5}])
def test_a_weight_is_a_share(wrong):
    refused(lambda: following(ramp(), **wrong), rule="[0, 1]", right="", received="")


def test_the_radius_doubles_every_twenty_epochs():
    """Table 3.5 of the thesis: 0.0064 to 0.1024 in 100 epochs."""
    radius = doubling(final=0.1024, times=4, epochs=20, clock=Clock(LENGTH))
    expected = [0.0064, 0.0064, 0.0128, 0.0128, 0.0256, 0.0512, 0.1024, 0.1024, 0.1024]
    epochs = [0, 19, 20, 39, 40, 60, 80, 99, 500]
    np.testing.assert_allclose(by_epoch(radius, epochs), expected, rtol=1e-6)
    assert radius.ends == 80
    constant = doubling(final=0.1, times=0, epochs=20, clock=Clock())
    np.testing.assert_allclose(said(constant, [0]), 0.1, rtol=1e-6)


def test_a_threshold_stays_and_then_falls_to_nothing():
    """clip(c_max - (t - R) c_max / T', 0, c_max) with R = 3 and T' = 4."""
    threshold = delayed_threshold(c_max=0.2, from_epoch=3, control_epochs=4, clock=Clock(LENGTH))
    found = by_epoch(threshold, range(9))
    np.testing.assert_allclose(found, [0.2] * 4 + [0.15, 0.1, 0.05, 0.0, 0.0], atol=1e-8)
    assert threshold.ends == 7


def test_a_ramp_may_be_held_before_and_multiplied():
    rise, clock = ramp(), Clock(LENGTH)
    held = schedules.held_before(rise, value=0.4, epoch=2, clock=clock)
    np.testing.assert_array_equal(said(held, [0, 19]), np.float32([0.4, 0.4]))
    np.testing.assert_array_equal(said(held, [20, 45]), said(rise, [20, 45]))
    np.testing.assert_allclose(
        said(schedules.times(rise, 0.5), [45, 60]), 0.5 * said(rise, [45, 60])
    )


def test_a_ramp_longer_than_the_training_is_refused():
    refused(
        lambda: ramp(total_epochs=5),
        rule="ramp of epsilon must end within the training",
        right="ramp_epochs=3, or total_epochs=6",
        received="start_epoch=2 and ramp_epochs=4 with total_epochs=5",
    )
    assert ramp(total_epochs=6).ends == 6


@pytest.mark.parametrize(
    ("wrong", "rule", "received"),
    [
        ({"shape": "cubic"}, "shape of the ramp", "cubic"),
        ({"final": 0.0}, "epsilon must", "epsilon=0.0"),
        ({"final": float("inf")}, "epsilon must", "epsilon=inf"),
        ({"start_epoch": -1}, "whole number >= 0", "start_epoch=-1"),
        ({"ramp_epochs": 1.5}, "whole number >= 0", "ramp_epochs=1.5"),
        ({"clock": 468}, "needs a clock", "clock=468"),
    ],
)
def test_mistakes(wrong, rule, received):
    refused(lambda: ramp(**wrong), rule=rule, right="", received=received)


@pytest.mark.parametrize(
    ("wrong", "received"),
    [({"times": -1}, "doublings=-1"), ({"epochs": 0}, "doubling_epochs=0")],
)
def test_mistakes_of_doubling(wrong, received):
    arguments = {"final": 0.1, "times": 2, "epochs": 5, "clock": Clock(LENGTH)} | wrong
    refused(lambda: doubling(**arguments), rule="whole number", right="", received=received)
