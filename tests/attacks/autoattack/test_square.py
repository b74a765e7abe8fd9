import itertools

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.attacks.autoattack import Square
from fosc_tf.attacks.autoattack.active import Problem
from fosc_tf.attacks.autoattack.bumps import Bumps, bump, half_bump
from fosc_tf.attacks.autoattack.patches import Patches
from fosc_tf.attacks.autoattack.sides import sides
from fosc_tf.errors import UserError
from tests.attacks.autoattack import small_networks as small


def problem_of(image):
    row = tf.range(len(image))
    return Problem(row, tf.constant(image), row, row, row, tf.cast(row + 1, tf.uint64))


def runs(values):
    return [(value, len(list(group))) for value, group in itertools.groupby(values)]


def test_sides_by_hand():
    # sqrt(.8 * 100) = 8.9 up to query 10, sqrt(.4 * 100) = 6.3 up to 50, sqrt(.2 * 100) = 4.5.
    found = sides(60, height=10, width=10, p_init=0.8, stretch=False)
    assert runs(found) == [(9, 11), (6, 40), (4, 9)]


def test_stretched_schedule_halves_at_the_same_share_of_queries():
    # Of 1000 queries, the first one stands for 10 of 10,000 and the sixth for 51.
    found = sides(1000, height=10, width=10, p_init=0.8, stretch=True)
    assert runs(found)[:2] == [(9, 2), (6, 4)]


def test_odd_sides_fit_into_the_image():
    found = sides(10, height=8, width=9, p_init=1.0, stretch=False, smallest=3, odd=True)
    assert set(found) == {7}
    found = sides(9000, height=8, width=9, p_init=1.0, stretch=False, smallest=3, odd=True)
    assert found[-1] == 3


def test_stripes():
    image = small.grey_images(3, seed=0, shape=(6, 5, 2))
    offset = Patches((6, 5, 2), 0.2, [3]).first(problem_of(image)) - image
    np.testing.assert_allclose(np.abs(offset), 0.2, atol=1e-6)
    np.testing.assert_allclose(offset, np.broadcast_to(offset[:, :1], offset.shape), atol=1e-6)
    assert len({tuple(np.sign(row).ravel()) for row in offset.numpy()}) == 3


def test_a_patch_is_one_square_of_one_colour_in_every_channel():
    image = small.grey_images(40, seed=0, shape=(6, 5, 2))
    patches = Patches((6, 5, 2), 0.2, [5, 3])
    offset = (patches.next(problem_of(image), tf.constant(image), 1) - image).numpy()
    corners = set()
    for one in offset:
        touched = np.abs(one).max(axis=-1) > 0
        row, column = np.where(touched)
        assert np.ptp(row) == np.ptp(column) == 2
        assert touched.sum() == 9
        corners.add((row.min(), column.min()))
        colours = one[touched]
        np.testing.assert_allclose(np.abs(colours), 0.2, atol=1e-6)
        np.testing.assert_allclose(colours, np.broadcast_to(colours[:1], (9, 2)), atol=1e-6)
    # 4 rows times 3 columns to begin in: each is met in 40 draws but for bad luck with a few.
    assert len(corners) >= 9
    assert {row for row, _ in corners} == {0, 1, 2, 3}
    assert {column for _, column in corners} == {0, 1, 2}


def test_half_bump_by_hand():
    # n = 1: the middle has 1 + 1/4, its ring 1/4.
    expected = np.full([3, 3], 0.25)
    expected[1, 1] = 1.25
    np.testing.assert_allclose(half_bump(3, 3), expected / np.linalg.norm(expected))


def test_bump_has_norm_1_and_two_signs():
    found = bump(5)
    assert np.linalg.norm(found) == pytest.approx(1.0)
    assert np.all(found[:2] > 0)
    assert np.all(found[2:] < 0)


@pytest.mark.parametrize("shape", [(8, 8, 1), (11, 13, 3), (3, 4, 1)])
def test_bumps_lie_on_the_sphere(shape):
    image = small.grey_images(5, seed=0, shape=shape)
    queries = sides(20, height=shape[0], width=shape[1], p_init=0.8, stretch=True, smallest=3)
    queries = [side - (side % 2 == 0) for side in queries]
    bumps = Bumps(shape, 0.3, queries)
    best = bumps.first(problem_of(image))
    for query in range(1, 20):
        length = tf.norm(tf.reshape(best - image, [5, -1]), axis=1)
        np.testing.assert_allclose(length, 0.3, rtol=1e-4)
        best = bumps.next(problem_of(image), best, query)


def test_a_bump_moves_the_budget_of_one_window_to_another():
    image = small.grey_images(30, seed=0, shape=(9, 9, 1))
    bumps = Bumps((9, 9, 1), 0.3, [3, 3])
    problem = problem_of(image)
    even = tf.constant(image + np.float32(0.3 / 9))
    offset = (bumps.next(problem, even, 1) - image).numpy()[..., 0]
    for one in offset:
        kept = np.abs(one - 0.3 / 9) < 1e-5
        emptied = np.abs(one) < 1e-5
        assert kept.sum() >= 81 - 18
        assert emptied.sum() <= 9
        # What is neither kept nor emptied lies within one window of 3 x 3.
        row, column = np.where(~kept & ~emptied)
        assert np.ptp(row) <= 2
        assert np.ptp(column) <= 2
    assert np.any(np.abs(offset) < 1e-5)


@pytest.mark.parametrize(("norm", "dual", "epsilon"), [("linf", 1, 0.02), ("l2", 2, 0.08)])
def test_breaks_nearly_the_linear_examples_within_reach(norm, dual, epsilon):
    network, weight = small.random_linear(3, seed=4)
    image = small.grey_images(200, seed=6)
    label = small.predicted(network, image)
    away = small.distances(weight, image, label, dual)
    found = Square(epsilon=epsilon, norm=norm, num_steps=400, stretch=True)(network, image, label)
    broken = small.predicted(network, found.image) != label
    assert not np.any(broken[away > epsilon * 1.001])
    assert np.sum(away < epsilon) > 20
    # The sphere of l2 is harder to search than the corners of linf.
    assert np.mean(broken[away < (0.9 if norm == "linf" else 0.6) * epsilon]) > 0.95


def test_keeps_only_what_is_better():
    network, _ = small.random_linear(3, seed=4)
    image = small.grey_images(5, seed=6)
    label = tf.constant(small.predicted(network, image))
    attack = Square(epsilon=0.01, num_steps=30)
    problem = problem_of(image)._replace(label=label)
    state = attack.start(network, problem)
    for done in range(30):
        before = state
        state, looked_at, _ = attack.step(network, problem, state, tf.constant(done))
        np.testing.assert_array_equal(looked_at, before.proposal)
        better = (state.margin > before.margin).numpy()
        kept = tf.where(better[:, None, None, None], before.proposal, before.best)
        np.testing.assert_array_equal(state.best, kept)


def test_needs_no_gradient_and_one_look_a_query():
    network, _ = small.random_linear(2, seed=7)
    counting = small.Counting(lambda image, training: tf.stop_gradient(network(image)))
    image = small.grey_images(6, seed=0)
    label = small.predicted(network, image)
    outcome = small.searched(Square(epsilon=1e-6, num_steps=25), counting, image, label)
    np.testing.assert_array_equal(outcome.num_gradients, 0)
    # The clean look, 25 queries, the look at the image returned.
    assert int(counting.images) == 6 * (1 + 25 + 1)


def test_mistakes():
    with pytest.raises(UserError, match="p_init is a share"):
        Square(epsilon=0.1, p_init=1.5)
