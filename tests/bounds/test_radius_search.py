"""The largest proved radius: as halving finds it, in no more calls."""

import math

import numpy as np
import pytest

from fosc_tf import bounds
from tests.bounds.networks import SHAPE, made
from tests.data.three_parts import refused

IMAGE = np.random.default_rng(3).uniform(size=(6, *SHAPE)).astype("float32")


def halved(network, label, highest, precision, norm):
    """Returns the radius that halving alone finds, and its calls."""
    low, high, calls = np.zeros(len(IMAGE)), np.full(len(IMAGE), highest), 0
    while (high - low).max() > precision:
        tried = (low + high) / 2
        radius = bounds.certified_radius(network, IMAGE, label, epsilon=tried, norm=norm)
        proved = radius > tried * (1 - 1e-6)
        low, high = np.where(proved, tried, low), np.where(proved, high, tried)
        calls += 1
    return low, calls


@pytest.mark.parametrize(("norm", "highest"), [("linf", 0.4), ("l2", 1.2)])
def test_it_agrees_with_halving_and_is_no_dearer(norm, highest):
    network = made("dense")
    label = np.argmax(network(IMAGE), axis=1)
    radius, calls = bounds.optimal_radius(
        network, IMAGE, label, epsilon=highest, norm=norm, precision=1e-3
    )
    expected, most = halved(network, label, highest, 1e-3, norm)
    np.testing.assert_allclose(radius, expected, atol=1.1e-3)
    assert most == math.ceil(math.log2(highest / 1e-3))
    assert (calls <= most).all()
    assert calls.mean() < most
    # What it names is proved.
    again = bounds.certified_radius(network, IMAGE, label, epsilon=radius, norm=norm)
    np.testing.assert_allclose(again, radius, rtol=1e-3, atol=1e-3)


def test_who_is_wrong_has_no_radius():
    network = made("dense")
    label = (np.argmax(network(IMAGE), axis=1) + 1) % 4
    radius, _ = bounds.optimal_radius(network, IMAGE, label, epsilon=0.4, precision=0.01)
    np.testing.assert_array_equal(radius, np.zeros(len(IMAGE)))


def test_mistakes():
    network = made("dense")
    refused(
        lambda: bounds.optimal_radius(network, IMAGE, np.zeros(6, int), epsilon=0.4, precision=0),
        rule="precision must be positive",
        right="precision=1e-4",
        received="precision=0",
    )
    refused(
        lambda: bounds.optimal_radius(network, IMAGE, np.zeros(6, int), epsilon=40),
        rule="epsilon must lie in (0, 1]",
        right="40/255",
        received="epsilon=40",
    )
