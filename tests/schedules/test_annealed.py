"""Annealed attacks: the papers' tables of K_t, their rounding, and steps of equal paths."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.schedules import Clock, annealed_steps, path_step
from tests.data.three_parts import refused


def table(epochs, **arguments):
    schedule = annealed_steps(clock=Clock(10), **arguments)
    return [int(schedule(tf.constant(10 * epoch + 9, tf.int64))) for epoch in range(epochs)]


def test_linear_by_hand():
    """2 + 8 t / 16: every half is rounded up."""
    found = table(18, least=2, most=10, total_epochs=16)
    assert found == [2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 10]


def test_exponential_by_hand():
    share = (1 - np.exp(-0.5 * np.arange(6))) / (1 - np.exp(-0.5 * 6))
    expected = np.floor(5 + 35 * share + 0.5).astype(int).tolist()
    arguments = {"least": 5, "most": 40, "total_epochs": 6, "shape": "exponential", "eta": 0.5}
    assert table(8, **arguments) == [*expected, 40, 40]
    assert expected[1] > table(2, least=5, most=40, total_epochs=6)[1]  # bent upwards


def test_the_last_epochs_have_all_steps():
    """100 epochs of the paper's CIFAR-10: 10 steps from epoch 94 on."""
    schedule = annealed_steps(least=2, most=10, total_epochs=100, clock=Clock(1))
    found = [int(schedule(tf.constant(epoch, tf.int64))) for epoch in range(100)]
    assert schedule.ends == found.index(10) == 94
    assert np.mean(found) == pytest.approx(5.96)


def test_a_path_is_as_long_in_every_epoch():
    clock = Clock(1)
    steps = annealed_steps(least=2, most=10, total_epochs=8, clock=clock)
    length = path_step(20 / 255, steps)
    for epoch in range(10):
        step = tf.constant(epoch, tf.int64)
        assert float(length(step)) * int(steps(step)) == pytest.approx(20 / 255, rel=1e-6)
    assert float(length(tf.constant(0, tf.int64))) == pytest.approx(10 / 255, rel=1e-6)


@pytest.mark.parametrize(
    ("wrong", "rule", "received"),
    [
        ({"least": 0}, "whole number >= 1", "least_steps=0"),
        ({"least": 11}, "steps of an annealed attack grow", "least_steps=11 with num_steps=10"),
        ({"shape": "cubic"}, "shape of annealing", "cubic"),
        ({"shape": "exponential", "eta": 0}, "eta bends", "eta=0"),
        ({"eta": float("inf")}, "eta bends", "eta=inf"),
        ({"total_epochs": 0}, "whole number >= 1", "total_epochs=0"),
    ],
)
def test_mistakes(wrong, rule, received):
    arguments = {"least": 2, "most": 10, "total_epochs": 30, "clock": Clock(1)} | wrong
    refused(lambda: annealed_steps(**arguments), rule=rule, right="", received=received)
