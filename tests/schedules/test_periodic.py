"""Epsilon in periods: the values of the thesis, where it begins anew, and what is refused."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.schedules import Clock, periodic_epsilon
from tests.data.three_parts import refused

MNIST = {"target": 0.4, "highest": 0.6, "periods": (100,)}
CIFAR = {"target": 8 / 255, "highest": 16 / 255, "periods": (100, 50, 50)}


def said(epochs, length=1000, **arguments):
    schedule = periodic_epsilon(clock=Clock(length), **arguments)
    return [float(schedule(tf.constant(round(length * epoch), tf.int64))) for epoch in epochs]


@pytest.mark.parametrize(
    ("shape", "highest", "reached"), [("cosine", 0.6, 60.817), ("linear", 0.8, 50.0)]
)
def test_mnist_reaches_its_target_and_stays(shape, highest, reached):
    arguments = MNIST | {"shape": shape, "highest": highest}
    before, *after = said([reached - 0.1, reached + 0.001, 75, 99.999, 100, 150], **arguments)
    assert 0.39 < before < 0.4
    assert set(after) == {float(np.float32(0.4))}
    assert said([0], **arguments) == [0.0]
    assert periodic_epsilon(clock=Clock(1), **arguments).ends == np.ceil(reached)


def test_values_by_hand():
    """0.3 (1 - cos(pi d / 100)) at a third and a half of the period; 0.8 d / 100."""
    found = said([100 / 3, 50, 25], **MNIST)
    np.testing.assert_allclose(found[:2], [0.15, 0.3], atol=1e-5)  # a third of a step away
    np.testing.assert_allclose(found[2], 0.3 * (1 - np.sqrt(0.5)), rtol=1e-6)
    found = said([10, 20.5], **MNIST | {"shape": "linear", "highest": 0.8})
    np.testing.assert_allclose(found, [0.08, 0.164], rtol=1e-6)


@pytest.mark.parametrize("shape", ["cosine", "linear"])
def test_three_periods_begin_anew_and_are_in_proportion(shape):
    arguments = CIFAR | {"shape": shape}
    share = np.array([0.0, 0.1, 0.3, 0.5, 0.7, 0.99])
    first, second, third = (
        said(begins + length * share, **arguments)
        for begins, length in [(0, 100), (100, 50), (150, 50)]
    )
    assert first == second == third
    assert first[0] == 0.0
    assert first[2] < first[3] == first[5] == np.float32(8 / 255)  # from the half on
    assert said([200, 1000], **arguments) == [first[-1]] * 2
    assert periodic_epsilon(clock=Clock(1), **arguments).ends == 175


def test_it_rises_within_an_epoch():
    schedule = periodic_epsilon(clock=Clock(4), **MNIST)
    found = [float(schedule(tf.constant(step, tf.int64))) for step in range(40)]
    assert np.all(np.diff(found) > 0)
    inside = tf.function(lambda step: schedule(step))
    assert float(inside(tf.constant(7, tf.int64))) == found[7]


def test_a_rise_from_below_zero_is_clean_for_a_while():
    found = said([0, 10, 20, 30], **MNIST | {"lowest": -0.2, "shape": "linear"})
    np.testing.assert_allclose(found, [0, 0, 0, 0.04], atol=1e-6)


def test_a_rise_to_the_target_itself_ends_with_the_period():
    schedule = periodic_epsilon(clock=Clock(1), **MNIST | {"highest": 0.4})
    assert schedule.ends == 100
    assert repr(schedule) == (
        "periodic_epsilon(target=0.4, highest=0.4, periods=(100), shape='cosine')"
    )


@pytest.mark.parametrize(
    ("wrong", "rule", "received"),
    [
        ({"highest": 0.3}, "to the target or beyond", "highest=0.3 with target=0.4"),
        ({"lowest": 0.4}, "rises from below its target", "lowest=0.4"),
        ({"target": -0.4}, "target must lie in its range", "-0.4"),
        ({"highest": -0.6}, "highest must lie in its range", "-0.6"),
        ({"highest": float("inf")}, "highest must lie in its range", "inf"),
        ({"lowest": float("nan")}, "lowest must be a number", "nan"),
        ({"shape": "square"}, "shape of the rise", "square"),
        ({"periods": ()}, "at least one period", "()"),
        ({"periods": 100}, "several lengths", "100"),
        ({"periods": (100, -50)}, "whole number >= 1", "-50"),
        ({"periods": (100, 50), "total_epochs": 200}, "end with the run", "together 150"),
        ({"clock": 468}, "a clock", "468"),
    ],
)
def test_mistakes(wrong, rule, received):
    arguments = MNIST | {"clock": Clock(1)} | wrong
    refused(lambda: periodic_epsilon(**arguments), rule=rule, right="", received=received)


def test_periods_that_end_with_the_run():
    assert periodic_epsilon(clock=Clock(1), total_epochs=200, **CIFAR).ends == 175
