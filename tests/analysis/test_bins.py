"""FOSC bins against counts and means done by hand, correlations against NumPy."""

import numpy as np
import pytest

from fosc_tf.analysis import automatic_upper, fosc_bins, pearson
from fosc_tf.errors import UserError

# Four bins over [0, 0.4]: two examples in the first, none in the second, one in the third, two in
# the fourth (one of them on its upper edge), one beyond.
FOSC = np.array([0.0, 0.05, 0.25, 0.35, 0.4, 0.7])
HIT = np.array([False, True, True, True, True, False])
LOSS = np.array([3.0, 2.0, 1.0, 0.5, 0.3, 9.0])


def test_counts_and_means_are_those_on_paper():
    bins = fosc_bins(FOSC, HIT, LOSS, upper=0.4, bins=4)
    np.testing.assert_allclose(bins.edges, [0.0, 0.1, 0.2, 0.3, 0.4])
    np.testing.assert_array_equal(bins.count, [2, 0, 1, 2])
    np.testing.assert_allclose(bins.accuracy, [0.5, np.nan, 1.0, 1.0])
    np.testing.assert_allclose(bins.loss, [2.5, np.nan, 1.0, 0.4])
    assert bins.outside == 1


def test_correlations_leave_out_empty_bins_and_what_is_beyond():
    bins = fosc_bins(FOSC, HIT, LOSS, upper=0.4, bins=4)
    centre = [0.05, 0.25, 0.35]
    by_numpy = {
        "accuracy_correlation": np.corrcoef(centre, [0.5, 1, 1])[0, 1],
        "loss_correlation": np.corrcoef(centre, [2.5, 1, 0.4])[0, 1],
        "hit_correlation": np.corrcoef(FOSC[:5], HIT[:5])[0, 1],
        "example_loss_correlation": np.corrcoef(FOSC[:5], LOSS[:5])[0, 1],
    }
    for name, value in by_numpy.items():
        assert getattr(bins, name) == pytest.approx(value), name


def test_a_straight_line_correlates_fully():
    fosc = np.linspace(0, 0.1, 2001)
    bins = fosc_bins(fosc, fosc > 0.05, 2 - 10 * fosc, upper=0.1)
    assert bins.loss_correlation == pytest.approx(-1)
    assert bins.example_loss_correlation == pytest.approx(-1)
    assert len(bins.count) == 20
    assert bins.count.sum() == 2001


def test_an_empty_range_has_no_numbers_and_raises_nothing():
    bins = fosc_bins(FOSC + 1, HIT, LOSS, upper=0.1)
    assert bins.count.sum() == 0
    assert bins.outside == 6
    assert np.isnan(bins.accuracy).all()
    assert np.isnan(bins.accuracy_correlation)
    assert np.isnan(bins.example_loss_correlation)


def test_rounding_below_zero_falls_into_the_first_bin():
    assert fosc_bins([-1e-7, 0.05], [True, True], [1.0, 1.0]).count[0] == 1


def test_nothing_correlates_with_a_constant():
    assert np.isnan(pearson(np.ones(3), np.arange(3)))
    assert np.isnan(pearson(np.arange(1), np.arange(1)))


def test_automatic_range_holds_the_share_asked_for():
    fosc = np.random.default_rng(0).exponential(size=1000)
    assert np.mean(fosc <= automatic_upper(fosc, 0.95)) == pytest.approx(0.95, abs=0.002)
    assert automatic_upper(np.zeros(5)) == 0.1


@pytest.mark.parametrize(
    ("fosc", "options", "received"),
    [
        (FOSC[:2], {}, "shapes"),
        (FOSC * np.nan, {}, "6 of 6"),
        (FOSC, {"upper": 0}, "upper=0"),
        (FOSC, {"bins": 0}, "bins=0"),
    ],
)
def test_mistakes_are_named(fosc, options, received):
    with pytest.raises(UserError) as caught:
        fosc_bins(fosc, HIT, LOSS, **options)
    assert received in caught.value.received
