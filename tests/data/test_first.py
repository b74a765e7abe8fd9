"""The first examples of a training set."""

import numpy as np
import pytest

from fosc_tf import data
from fosc_tf.data.first import first
from tests.data.three_parts import refused


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


def test_the_training_set_is_cut_and_the_test_set_is_not(digits):
    few = first(digits, 100)
    np.testing.assert_array_equal(few.x_train, digits.x_train[:100])
    np.testing.assert_array_equal(few.y_train, digits.y_train[:100])
    assert few.x_test is digits.x_test
    assert (few.sha256, few.source) == (digits.sha256, digits.source)


def test_all_of_them_are_the_arrays_themselves(digits):
    assert first(digits, 0) is digits
    assert first(digits, len(digits.x_train)) is digits


def test_held_out_images_come_out_of_the_first_ones(digits):
    train, held_out = data.split(first(digits, 50), held_out=20, seed=0)
    assert sorted([*train.ids, *held_out.ids]) == list(range(50))


@pytest.mark.parametrize(
    ("examples", "rule", "right", "received"),
    [
        (1438, "must not exceed", "at most 1437", "data.examples=1438"),
        (-1, "data.examples must be", "", "-1"),
        (1.5, "data.examples must be", "", "1.5"),
    ],
)
def test_numbers_that_make_no_training_set(digits, examples, rule, right, received):
    refused(lambda: first(digits, examples), rule=rule, right=right, received=received)
