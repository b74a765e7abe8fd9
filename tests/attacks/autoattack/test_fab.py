import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.attacks.autoattack import FAB, UntargetedFAB
from tests.attacks.autoattack import small_networks as small
from tests.data.three_parts import refused


def blur(weight, image, exact, dual):
    """Returns how far before the boundary float32 may already see an image beyond it, [batch].

    A logit is a sum of 16 products and a bias. Each of the 17 roundings moves it by 2^-24 of
    sum |w| |x| at most, so two logits may change their order while they still differ by 17 * 2^-24
    of both their sums; over ||w_j - w_y||_dual that is a distance, 2.5e-6 in l2 where the distances
    go to 8e-2. A distance itself, a root of summed squares, is rounded no more often.
    """
    size = np.abs(image.reshape(len(image), -1)) @ np.abs(weight)  # [batch, classes]
    pairs = [(i, j) for i in range(weight.shape[1]) for j in range(i)]
    lengths = {(i, j): np.linalg.norm(weight[:, i] - weight[:, j], ord=dual) for i, j in pairs}
    margin = np.max([(size[:, i] + size[:, j]) / lengths[i, j] for i, j in pairs], axis=0)
    return 17 * 2.0**-24 * (margin + exact)


@pytest.mark.parametrize(("norm", "dual"), [("linf", 1), ("l2", 2)])
@pytest.mark.parametrize("kind", [FAB, UntargetedFAB])
def test_finds_the_exact_distance_of_linear_networks(kind, norm, dual):
    network, weight = small.random_linear(4, seed=2)
    image = small.grey_images(20, seed=5)
    label = small.predicted(network, image)
    exact = small.distances(weight.astype(float), image.astype(float), label, dual)
    assert exact.max() < 0.35, "the test needs boundaries before the limits of pixels"
    nearest = kind(epsilon=0.1, norm=norm, num_steps=10).nearest(network, image, label)
    np.testing.assert_allclose(nearest.distance, exact, rtol=1e-3)
    assert np.all(nearest.distance >= exact - blur(weight, image, exact, dual))
    assert np.all(small.predicted(network, nearest.image) != label)


def test_exact_distance_when_pixels_meet_their_limit():
    # Pixels at 0.9 and 0.2, z_1 - z_0 = x_0 + x_1 - 1.5: 0.4 is missing, but only 0.1 of it can
    # come from the first pixel, so the second moves by 0.3; walking there bends, hence 2e-3.
    network = small.linear([[0.0, 1.0], [0.0, 1.0]], bias=[0.0, -1.5], shape=(1, 2, 1))
    image = np.array([0.9, 0.2], np.float32).reshape(1, 1, 2, 1)
    for norm, exact in (("linf", 0.3), ("l2", np.hypot(0.1, 0.3))):
        nearest = FAB(epsilon=0.1, norm=norm).nearest(network, image, np.array([0]))
        assert float(nearest.distance[0]) == pytest.approx(exact, rel=2e-3)


def test_breaks_exactly_the_linear_examples_within_reach():
    network, weight = small.random_linear(4, seed=2)
    image = small.grey_images(100, seed=6)
    label = small.predicted(network, image)
    away = small.distances(weight, image, label, dual=1)
    clear = np.abs(away / 0.02 - 1.0) > 0.01
    image, label, within = image[clear], label[clear], (away < 0.02)[clear]
    assert 10 < within.sum() < len(within) - 10
    found = FAB(epsilon=0.02, num_steps=10)(network, image, label)
    np.testing.assert_array_equal(small.predicted(network, found.image) != label, within)
    assert float(tf.reduce_max(tf.abs(found.image - image))) <= 0.02 + 1e-6


def test_restarts_find_boundaries_that_are_not_nearer_than_the_nearest():
    network = small.convolutional()
    image = small.grey_images(6, seed=1, shape=(8, 8, 1), spread=0.4)
    label = small.predicted(network, image)
    once, thrice = (
        FAB(epsilon=0.3, norm="l2", num_steps=10, restarts=restarts).nearest(network, image, label)
        for restarts in (1, 3)
    )
    assert np.all(thrice.distance <= once.distance)
    assert np.all(small.predicted(network, once.image) != label)
    assert np.any(thrice.distance.numpy() != once.distance.numpy())


def test_distance_is_zero_where_misclassified_and_infinite_where_nothing_helps():
    network = small.linear(np.zeros([16, 2]), bias=[2.0, 0.0])
    nearest = FAB(epsilon=0.1, num_steps=2).nearest(
        network, small.grey_images(2, seed=0), np.array([0, 1])
    )
    np.testing.assert_array_equal(nearest.distance, [np.inf, 0.0])


def test_cost():
    network, _ = small.random_linear(3, seed=7)
    counting = small.Counting(network)
    image = small.grey_images(5, seed=0)
    label = small.predicted(network, image)
    outcome = small.searched(FAB(epsilon=1e-6, num_steps=4), counting, image, label)
    # Two targets, four steps each.
    np.testing.assert_array_equal(outcome.num_gradients, np.full(5, 8))
    # The clean look; for each target 4 gradients and 4 looks, 5 of the last search, and the last.
    assert int(counting.images) == 5 * (1 + 2 * (4 + 4 + 5 + 1))


def test_untargeted_counts_a_gradient_for_each_class():
    network, _ = small.random_linear(3, seed=7)
    image = small.grey_images(5, seed=0)
    label = small.predicted(network, image)
    outcome = small.searched(UntargetedFAB(epsilon=1e-6, num_steps=4), network, image, label)
    np.testing.assert_array_equal(outcome.num_gradients, np.full(5, 12))


def test_a_seed_that_is_none():
    network = small.linear(np.zeros([16, 2]), bias=[2.0, 0.0])
    image = small.grey_images(2, seed=1)
    refused(
        lambda: FAB(epsilon=0.1).nearest(network, image, np.zeros(2, int), seed="0"),
        rule="seed must be a whole number >= 0",
        right="seed=0",
        received="seed=",
    )
