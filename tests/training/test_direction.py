"""Whether more of a number is better."""

import keras
import pytest

from fosc_tf.training.direction import direction


@pytest.mark.parametrize("name", ["accuracy", "robust_accuracy", "frozen", "clean_accuracy"])
def test_what_should_grow(name):
    assert direction(name) == "up"


@pytest.mark.parametrize("name", ["loss", "fosc", "gradients", "distance_of_logits"])
def test_what_should_shrink(name):
    assert direction(name) == "down"


def test_a_metric_of_keras_knows_its_own():
    assert direction("hits", keras.metrics.SparseTopKCategoricalAccuracy()) == "up"
    assert direction("mean", keras.metrics.Mean()) == "down"
