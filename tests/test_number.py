"""What counts as a number; each argument that must be one is tested where it is."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.number import number, whole
from tests.data.three_parts import refused


@pytest.mark.parametrize("value", [3, np.int64(3), np.array(3), 2.5, np.float32(2.5), -np.inf])
def test_numbers_become_pythons_own(value):
    found = number("epsilon", value, "epsilon=8/255")
    assert found == value
    assert type(found) in (int, float)


@pytest.mark.parametrize("value", [None, "0.3", True, float("nan"), [0.3], np.ones(2)])
def test_what_is_no_number(value):
    for changing in (False, True):
        refused(
            lambda changing=changing: number("epsilon", value, "8/255", changing=changing),
            rule="epsilon must be a number",
            right="8/255",
            received=f"epsilon={value!r}",
        )


@pytest.mark.parametrize("value", [tf.constant(0.3), lambda step: 0.3])
def test_what_changes_passes_where_it_may(value):
    assert number("epsilon", value, "8/255", changing=True) is value
    refused(lambda: number("epsilon", value, "8/255"), rule="a number", right="", received="eps")


@pytest.mark.parametrize("value", [0, np.int64(4)])
def test_whole_numbers(value):
    assert whole("seed", value, least=0) == value
    assert type(whole("seed", value, least=0)) is int


@pytest.mark.parametrize("value", [-1, 1.0, "1", True, None])
def test_wrong_whole_numbers(value):
    refused(
        lambda: whole("pad", value, least=0),
        rule="whole number >= 0",
        right="pad=0",
        received=f"pad={value!r}",
    )


def test_whole_numbers_have_an_upper_end():
    assert whole("seed", 2**32 - 1, least=0, below=2**32) == 2**32 - 1
    for value, below in ((2**32, {"below": 2**32}), (2**31, {})):
        refused(
            lambda value=value, below=below: whole("seed", value, least=0, **below),
            rule=f"seed must be below 2**{value.bit_length() - 1}",
            right="seed=0",
            received=f"seed={value}",
        )


def test_counts_have_an_upper_end():
    """2**31 steps would be -2**31 of TensorFlow's, which trains with none."""
    assert number("num_steps", 2**31 - 1, "10", least=1) == 2**31 - 1
    for value in (2**31, np.int64(2**40), 10**30):
        refused(
            lambda value=value: number("num_steps", value, "10", least=1),
            rule="num_steps must be a whole number >= 1 and below 2**31",
            right="10",
            received=f"num_steps={value}",
        )
