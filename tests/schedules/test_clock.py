"""Epochs of steps."""

import pytest
import tensorflow as tf

from fosc_tf.schedules import Clock
from tests.data.three_parts import refused


@pytest.mark.parametrize(("step", "epoch"), [(0, 0), (467, 0), (468, 1), (935, 1), (936, 2)])
def test_epoch_by_hand(step, epoch):
    clock = Clock(468)
    for kind in (int, lambda s: tf.constant(s, tf.int64), lambda s: tf.constant(s, tf.int32)):
        assert int(clock.epoch(kind(step))) == epoch
    assert clock.epoch(step).dtype == tf.int64


def test_does_not_overflow():
    assert int(Clock(1000).epoch(tf.constant(5_000_000_000, tf.int64))) == 5_000_000


@pytest.mark.parametrize("steps", [0, -3])
def test_refuses_no_steps(steps):
    refused(
        lambda: Clock(steps),
        rule="whole number >= 1",
        right="468",
        received=f"steps_per_epoch={steps}",
    )
