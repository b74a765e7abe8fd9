"""Difficulty by hand; distances of orders that a person knows."""

import numpy as np
import pytest

from fosc_tf.analysis import difficulty, difficulty_distance
from fosc_tf.analysis.difficulty import groups
from tests.data.three_parts import refused


def test_by_hand():
    """Mean losses 3, 1, 2, 2: of four, none is larger than 3, two halves tie."""
    losses = [[4.0, 1.0, 2.0, 1.0], [2.0, 1.0, np.nan, 3.0]]
    np.testing.assert_allclose(difficulty(losses), [0.125, 0.875, 0.5, 0.5])
    by_definition = [
        (sum(m > x for m in (3, 1, 2, 2)) + 0.5 * (3, 1, 2, 2).count(x)) / 4 for x in (3, 1, 2, 2)
    ]
    np.testing.assert_allclose(difficulty(losses), by_definition)


def test_an_example_that_was_never_recorded_is_left_out():
    found = difficulty([[1.0, np.nan, 3.0]])
    np.testing.assert_allclose(found, [0.75, np.nan, 0.25])
    assert groups(found).tolist() == [7, -1, 2]


def test_distances():
    random = np.random.default_rng(0)
    losses = random.uniform(size=[1, 20000])
    d = difficulty(losses)
    assert difficulty_distance(d, d) == 0
    assert difficulty_distance(d, difficulty(-losses)) == pytest.approx(0.5, abs=1e-3)
    other = difficulty(random.uniform(size=[1, 20000]))
    assert difficulty_distance(d, other) == pytest.approx(1 / 3, abs=0.01)
    assert np.bincount(groups(d)).tolist() == [2000] * 10


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: difficulty([1.0, 2.0]), "losses must be those of each example"),
        (lambda: difficulty([[np.nan]]), "some of them recorded"),
        (lambda: difficulty_distance(np.ones(2), np.ones(3)), "example by example"),
        (lambda: difficulty_distance([np.nan, 1.0], [1.0, np.nan]), "some of the same"),
    ],
)
def test_mistakes(call, rule):
    refused(call, rule=rule, right="", received="")
