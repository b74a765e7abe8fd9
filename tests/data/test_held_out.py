import numpy as np
import pytest

from fosc_tf.data import Arrays, split
from tests.data.three_parts import refused

N = 50


def small():
    image = np.arange(N, dtype=np.uint8).reshape(N, 1, 1, 1)
    label = np.arange(N, dtype=np.int32) % 10
    return Arrays(image, label, image[:2], label[:2], source="by hand", sha256="")


def test_parts_are_disjoint_complete_and_carry_their_own_images():
    train, held_out = split(small(), held_out=12, seed=0)
    assert (len(train.ids), len(held_out.ids)) == (38, 12)
    assert sorted([*train.ids, *held_out.ids]) == list(range(N))
    for part in (train, held_out):
        assert part.ids.dtype == np.int64
        np.testing.assert_array_equal(part.image[:, 0, 0, 0], part.ids)
        np.testing.assert_array_equal(part.label, part.ids % 10)
        assert part.image.dtype == np.uint8
        assert part.label.dtype == np.int32


def test_split_depends_on_the_seed_alone():
    one, same, other = (split(small(), 12, seed)[1].ids for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert list(one) != list(other)
    assert list(one) != list(range(12))


def test_split_is_pinned():
    assert split(small(), 5, 0)[1].ids.tolist() == [0, 2, 21, 38, 43]


def test_a_larger_held_out_part_contains_the_smaller():
    few, many = (set(split(small(), k, 3)[1].ids) for k in (5, 20))
    assert few < many


def test_nothing_held_out_leaves_the_arrays_as_they_are():
    arrays = small()
    train, held_out = split(arrays, held_out=0, seed=0)
    assert train.image is arrays.x_train
    np.testing.assert_array_equal(train.ids, np.arange(N))
    assert held_out.image.shape == (0, 1, 1, 1)
    assert held_out.ids.shape == held_out.label.shape == (0,)


@pytest.mark.parametrize("held_out", [N, N + 1])
def test_all_held_out_is_refused(held_out):
    refused(
        lambda: split(small(), held_out, 0),
        rule="leave images to train on",
        right="at most 49",
        received=f"held_out={held_out}",
    )


def test_wrong_numbers_are_refused():
    refused(lambda: split(small(), -1, 0), rule="held_out", right="held_out=0", received="=-1")
    refused(lambda: split(small(), 0.1, 0), rule="held_out", right="held_out=0", received="=0.1")
    refused(lambda: split(small(), 1, -1), rule="seed", right="seed=0", received="=-1")
