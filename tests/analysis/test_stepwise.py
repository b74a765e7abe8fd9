"""Climbs of a dataset: batch by batch as `white_box` makes them, and what is drawn from them."""

import numpy as np
import pytest

from fosc_tf import data
from fosc_tf.analysis import picked, step_curves, traces
from fosc_tf.attacks import PGD
from fosc_tf.errors import UserError
from fosc_tf.evaluation import white_box
from tests.models.small_networks import images_for, small

EPSILON = 0.01


@pytest.fixture(scope="module")
def network():
    return small("digits_mlp", seed=1)


@pytest.fixture(scope="module")
def batches(network):
    image = images_for(network, 10)
    # Right without the attack: on whom it is wrong anyway `white_box` spends nothing.
    label = np.argmax(network(image, training=False), axis=1)
    return data.test_batches(image, label, batch_size=4)


@pytest.fixture(scope="module")
def seen(network, batches):
    attack = PGD(epsilon=EPSILON, step_size=EPSILON / 4, num_steps=10)
    return traces(network, batches, attack, seed=5)


def test_all_examples_are_there_the_smaller_last_batch_too(seen):
    assert {name: values.shape for name, values in seen.items()} == dict.fromkeys(
        ("hit", "loss", "fosc_ball", "fosc_box"), (11, 10)
    )


def test_the_end_is_the_evaluations_own(network, batches, seen):
    rows = white_box(network, batches, epsilon=EPSILON, attacks=("pgd-10",), seed=5)
    assert 0.3 <= rows[0]["accuracy"] <= 0.7
    assert seen["hit"][-1].mean() == pytest.approx(rows[0]["accuracy"])


def test_picked_examples_are_different_and_the_same_each_time(seen):
    some = picked(seen, 4, seed=1)
    assert len(set(some["index"])) == 4
    np.testing.assert_array_equal(some["loss"], seen["loss"][:, some["index"]])
    np.testing.assert_array_equal(some["index"], picked(seen, 4, seed=1)["index"])
    assert len(picked(seen, 50)["index"]) == 10


def test_step_curves_by_hand():
    one = np.array([[0.0, 1.0], [2.0, 4.0]], np.float32)
    hit = np.array([[True, True], [False, True]])
    seen = {"hit": hit, "loss": one, "fosc_ball": 4 - one, "fosc_box": one / 10}
    curves = step_curves(seen, upper=0.25)
    np.testing.assert_allclose(curves["accuracy"], [1.0, 0.5])
    np.testing.assert_allclose(curves["loss_mean"], [0.5, 3.0])
    np.testing.assert_allclose(curves["loss_quantiles"][:, 1], [2.1, 2.5, 3.0, 3.5, 3.9])
    np.testing.assert_allclose(curves["fosc_ball_share"], [0.0, 0.5])
    np.testing.assert_allclose(curves["fosc_box_share"], [1.0, 0.5])


def test_an_empty_dataset_is_refused(network, batches):
    with pytest.raises(UserError, match="must not be empty"):
        traces(network, batches.take(0), PGD(epsilon=0.2, step_size=0.05, num_steps=1))


def test_a_seed_that_is_none_is_refused(network, batches):
    for seed in (None, -1):
        with pytest.raises(UserError, match="seed must be a whole number"):
            traces(network, batches, PGD(epsilon=0.2, step_size=0.05, num_steps=1), seed=seed)
