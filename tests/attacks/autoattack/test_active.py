import numpy as np
import tensorflow as tf

from fosc_tf.attacks.autoattack.active import Problem, shrink


def problem(count):
    row = tf.range(count)
    image = tf.cast(tf.reshape(row, [-1, 1]), tf.float32)
    return Problem(row, image, row, row, row, tf.cast(row, tf.uint64))


@tf.function(autograph=False)
def count_down(patience, seen):
    """Who has waited `patience` steps leaves with 100 times its row; `seen` counts rows at work."""

    def step(problem, state, done):
        seen.assign_add(tf.size(problem.row))
        return state - 1, 100.0 * problem.image, state == 1

    return shrink(step, problem(tf.size(patience)), patience, num_steps=4)


def test_rows_leave_with_their_own_images():
    seen = tf.Variable(0)
    left, rest, state = count_down(tf.constant([2, 9, 1, 4, 2]), seen)
    np.testing.assert_array_equal(left.image[:, 0], [0.0, 1.0, 200.0, 300.0, 400.0])
    np.testing.assert_array_equal(left.num_steps, [2, 4, 1, 4, 2])
    np.testing.assert_array_equal(rest.row, [1])
    np.testing.assert_array_equal(state, [5])
    # 5 rows, then 4, then 2, then 2: who left is not worked on.
    assert int(seen) == 5 + 4 + 2 + 2


def test_ends_when_everyone_has_left():
    seen = tf.Variable(0)
    left, rest, _ = count_down(tf.constant([1, 1]), seen)
    assert int(seen) == 2
    assert int(tf.size(rest.row)) == 0
    np.testing.assert_array_equal(left.num_steps, [1, 1])
