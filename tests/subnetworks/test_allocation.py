"""Kept weights by layer: the numbers of the thesis, exact sums and the cap, drawn at random."""

import math
from fractions import Fraction

import numpy as np
import pytest

from fosc_tf.errors import UserError
from fosc_tf.subnetworks import allocation

# Of the ResNet-34 with the stem of CIFAR: weights of a layer, how many of them there are, and what
# each keeps of rate 0.99 at gamma 0.1 and at gamma 1.
RESNET34 = {
    1728: (1, 1728, 17),
    5120: (1, 3965, 51),
    8192: (1, 4156, None),
    32768: (1, 4774, None),
    36864: (6, 4831, 368),
    73728: (1, 5178, None),
    131072: (1, 5485, None),
    147456: (7, 5550, None),
    294912: (1, 5948, None),
    589824: (11, 6375, None),
    1179648: (1, 6833, None),
    2359296: (5, 7324, 23595),
}
SIZES = [size for size, (number, *_) in RESNET34.items() for _ in range(number)]


@pytest.mark.parametrize(("gamma", "column"), [(0.1, 1), (1.0, 2)])
def test_the_numbers_of_the_thesis(gamma, column):
    assert (len(SIZES), sum(SIZES)) == (37, 21_265_088)
    kept = allocation(SIZES, rate=0.99, gamma=gamma)
    assert sum(kept) == 212_650
    for size, found in zip(SIZES[:-1], kept[:-1], strict=True):
        printed = RESNET34[size][column]
        # The last layers take what the rounding of all before has left.
        assert printed is None or found == printed or (size == 2359296 and found == printed + 1)
    assert kept[-1] - RESNET34[SIZES[-1]][column] in (0, 1)


def test_by_hand():
    # A square root each of 4, 16, 64 is 2, 4, 8; of 42 there go 2/14, then 4/12, then all.
    assert allocation((64, 4, 16), rate=0.5, gamma=0.5) == (26, 4, 12)
    # The smallest keeps all it has, the others share.
    assert allocation((10, 100, 100), rate=0.5, gamma=0.0) == (10, 47, 48)
    assert allocation((1000,), rate=0.9) == (100,)


def test_sums_caps_and_order_at_random():
    random = np.random.default_rng(0)
    for _ in range(300):
        sizes = np.exp(random.uniform(0, 12, random.integers(1, 30))).astype(int).tolist()
        rate = float(random.choice([0.0, 0.5, 0.9, 0.99, 0.998, random.random()]))
        gamma = float(random.choice([0.0, 0.1, 1.0, random.random()]))
        kept = allocation(sizes, rate, gamma)
        total = math.floor((1 - Fraction(repr(rate))) * sum(sizes))
        assert sum(kept) == total
        assert all(0 <= m <= n for m, n in zip(kept, sizes, strict=True))
        order = sorted(range(len(sizes)), key=sizes.__getitem__)
        rising = [kept[index] for index in order]
        assert rising == sorted(rising)
        share = total / sum(sizes)
        if gamma == 1.0:
            assert all(abs(m - share * n) <= len(sizes) for m, n in zip(kept, sizes, strict=True))
        if gamma == 0.0:
            below = [m for m, n in zip(kept, sizes, strict=True) if m < n]
            assert not below or max(below) - min(below) <= 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 1.0},
        {"rate": -0.1},
        {"gamma": 1.1},
        {"gamma": float("nan")},
        {"sizes": (0, 3)},
        {"sizes": 5},
    ],
    ids=str,
)
def test_what_is_out_of_range(wrong):
    with pytest.raises(UserError, match="Right would be"):
        allocation(**{"sizes": (10, 20), **wrong})
