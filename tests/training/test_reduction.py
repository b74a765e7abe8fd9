"""Means on one replica; `test_replicas` has those on two."""

import numpy as np
import tensorflow as tf

from fosc_tf.training.reduction import gather_over_replicas, mean_over_replicas, num_replicas


def test_one_replica():
    values = tf.constant([1.0, 2.0, 6.0])
    assert num_replicas() == 1
    assert float(mean_over_replicas(values)) == 3.0
    np.testing.assert_array_equal(gather_over_replicas(values), values)
