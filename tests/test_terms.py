"""Terms per example."""

import numpy as np
import tensorflow as tf

from fosc_tf.objectives import cross_entropy
from fosc_tf.terms import is_right


def test_cross_entropy_by_hand():
    # Equal logits: log 2. Three to one in odds: -log(3/4) and -log(1/4).
    logits = tf.constant([[5.0, 5.0], [np.log(3.0), 0.0], [np.log(3.0), 0.0]])
    found = cross_entropy(logits, tf.constant([0, 0, 1]))
    np.testing.assert_allclose(found, np.log([2, 4 / 3, 4]), rtol=1e-6)


def test_cross_entropy_does_not_overflow():
    found = cross_entropy(tf.constant([[1000.0, 0.0], [1000.0, 0.0]]), tf.constant([0, 1]))
    np.testing.assert_allclose(found, [0.0, 1000.0])


def test_right_is_the_largest_logit_and_never_a_nan():
    nan = float("nan")
    logits = tf.constant([[2.0, 1.0], [1.0, 2.0], [1.0, 1.0], [nan, nan], [2.0, nan]])
    for dtype in (tf.int32, tf.int64):
        found = is_right(logits, tf.zeros([5], dtype))
        np.testing.assert_array_equal(found, [True, False, True, False, False])
