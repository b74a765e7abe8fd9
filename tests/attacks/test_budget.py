"""How many steps each example may climb."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.attacks import PGD, Mixed, budget
from tests.attacks.toys import Linear, images, labels, mlp

STEP = tf.constant(0, tf.int64)


@pytest.mark.parametrize(
    ("strength", "rows", "steps"),
    [
        (0, 4, [0, 0, 0, 0]),
        (1, 4, [0, 0, 1, 1]),
        (3, 8, [0, 0, 1, 1, 2, 2, 3, 3]),
        (3, 10, [0, 0, 1, 1, 2, 2, 3, 3, 3, 3]),  # the strongest chunk takes the remainder
        (10, 3, [0, 1, 2]),
    ],
)
def test_mixed_by_hand(strength, rows, steps):
    found = Mixed(strength).of_global_batch(STEP, tf.constant(rows))
    assert found.dtype == tf.int32
    assert found.numpy().tolist() == steps


def test_mixed_of_a_schedule():
    mixed = Mixed(lambda step: tf.cast(step // 10, tf.int32))
    found = budget.steps_per_example(mixed, tf.constant(25, tf.int64), tf.constant(6))
    assert found.numpy().tolist() == [0, 0, 1, 1, 2, 2]


def test_a_number_and_a_schedule():
    assert budget.steps_per_example(7, STEP, tf.constant(3)).numpy().tolist() == [7, 7, 7]
    rising = budget.steps_per_example(lambda step: step + 1, tf.constant(4, tf.int64), 2)
    assert rising.dtype == tf.int32
    assert rising.numpy().tolist() == [5, 5]


def test_mixed_equals_each_chunk_attacked_alone():
    network, image, label = mlp(gain=3.0), images(12), labels(12)
    arguments = {"epsilon": 0.2, "step_size": 0.05, "start": "clean"}
    found = PGD(**arguments, num_steps=Mixed(3))(network, image, label)
    np.testing.assert_array_equal(found.num_gradients, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
    np.testing.assert_array_equal(found.image[:3], image[:3])
    for steps in (1, 2, 3):
        rows = slice(3 * steps, 3 * steps + 3)
        alone = PGD(**arguments, num_steps=steps)(network, image[rows], label[rows])
        np.testing.assert_allclose(found.image[rows], alone.image, atol=1e-6)
        assert np.all(np.any(alone.image.numpy() != image[rows], axis=(1, 2, 3)))


def test_examples_without_steps_stay_clean_whatever_the_start():
    image = images(8)
    attack = PGD(epsilon=0.2, step_size=0.05, num_steps=Mixed(1), start="uniform")
    found = attack(Linear(np.ones(16)), image, np.zeros(8, "int32"), final_fosc=True)
    np.testing.assert_array_equal(found.image[:4], image[:4])
    assert np.all(np.any(found.image[4:].numpy() != image[4:], axis=(1, 2, 3)))
    # They cost nothing even when FOSC is asked for, and have none.
    np.testing.assert_array_equal(found.num_gradients, [0] * 4 + [2] * 4)
    np.testing.assert_array_equal(np.isnan(found.fosc), [True] * 4 + [False] * 4)


def test_a_scheduled_number_equals_the_number():
    network, image, label = mlp(gain=3.0), images(6), labels(6)
    arguments = {"epsilon": 0.2, "step_size": 0.05}
    fixed = PGD(**arguments, num_steps=3)(network, image, label, step=2)
    rising = PGD(**arguments, num_steps=lambda step: step + 1)(network, image, label, step=2)
    for one, other in zip(fixed, rising, strict=True):
        np.testing.assert_array_equal(one, other)
