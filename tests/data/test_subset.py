"""Subsets by difficulty: as many of each class, the same ids, and what cannot be one."""

import numpy as np
import pytest

from fosc_tf.data import Part, chosen
from tests.data.three_parts import refused

IDS = np.arange(1, 41, 2)
PART = Part(np.arange(20.0).reshape(20, 1, 1, 1), np.int32(np.arange(20) % 2), IDS)
DIFFICULTY = np.arange(41) / 40


def test_the_extremes_of_each_class_keep_their_ids():
    for kind, ids in (("hardest", IDS[:6]), ("easiest", IDS[-6:])):
        found = chosen(PART, kind, 6, num_classes=2, difficulty=DIFFICULTY)
        assert found.ids.tolist() == ids.tolist()
        assert np.bincount(found.label).tolist() == [3, 3]
        np.testing.assert_array_equal(found.image, PART.image[np.isin(IDS, ids)])


def test_the_unknown_are_left_out():
    difficulty = np.where(np.arange(41) < 5, np.nan, DIFFICULTY)
    found = chosen(PART, "hardest", 4, num_classes=2, difficulty=difficulty)
    assert found.ids.tolist() == [5, 7, 9, 11]


def test_random_ones_are_of_the_seed_and_grow():
    small, same, large = (chosen(PART, "random", n, num_classes=2, seed=1) for n in (6, 6, 12))
    assert small.ids.tolist() == same.ids.tolist()
    assert set(small.ids) < set(large.ids)
    assert chosen(PART, "random", 6, num_classes=2, seed=2).ids.tolist() != small.ids.tolist()
    assert np.bincount(large.label).tolist() == [6, 6]


@pytest.mark.parametrize(
    ("arguments", "rule", "right", "received"),
    [
        (("hard", 4), "known one", "hardest", "hard"),
        (("random", 5), "as many examples of each class", "=4", "=5 with 2"),
        (("random", 22), "larger than a class has", "at most 20", "11 of each class"),
        (("hardest", 4, DIFFICULTY[:10]), "same training examples", "up to 39", "10 examples"),
        (("easiest", 4), "same training examples", "up to 39", "none"),
    ],
)
def test_mistakes(arguments, rule, right, received):
    kind, examples, *known = arguments
    call = dict(zip(["difficulty"], known, strict=False))
    refused(
        lambda: chosen(PART, kind, examples, num_classes=2, **call),
        rule=rule,
        right=right,
        received=received,
    )
