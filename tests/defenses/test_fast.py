"""Fast: one step of 1.25 epsilon from a random start, or at first from a fixed one."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import defenses
from fosc_tf.types import Batch
from tests.attacks.toys import images, labels, loss_and_gradient, mlp
from tests.data.three_parts import refused
from tests.defenses import slow_training as training


def one_step(network, image, label, start):
    _, gradient = loss_and_gradient(network, start, label)
    return training.projected(start + 1.25 * training.EPSILON * np.sign(gradient), image)


def from_random(network, image, label, step):
    return one_step(network, image, label, image + training.noise(image, step))


def weak_first(network, image, label, step):
    """One epoch from the image that is half of epsilon brighter."""
    if step >= training.STEPS:
        return from_random(network, image, label, step)
    return one_step(network, image, label, np.minimum(image + training.EPSILON / 2, 1.0))


@pytest.mark.parametrize(("weak_epochs", "attacked"), [(0, from_random), (1, weak_first)])
def test_trains_what_a_loop_written_out_trains(weak_epochs, attacked):
    network = mlp(gain=2.0)
    defense = defenses.get("fast", epsilon=training.EPSILON, weak_epochs=weak_epochs)
    logs = training.fast(network, defense)
    training.assert_equal(network, training.slow(mlp(gain=2.0), attacked))
    assert logs["gradients"] == [1, 1, 1]
    assert logs.get("weak_start") == ([1, 0, 0] if weak_epochs else None)


def test_the_papers_numbers():
    defense = defenses.get("fast", epsilon=8 / 255)
    record = defense.attack.parameters()
    assert (record["num_steps"], record["start"], record["gate"]) == (1, "unclipped", None)
    assert record["step_size"] == pytest.approx(10 / 255)
    assert not defense.schedules
    assert defense.clock is None


def test_a_fixed_start_stays_in_the_ball_of_every_norm():
    settings = {"steps_per_epoch": 1, "weak_epochs": 1}
    for norm, epsilon in (("l2", 0.3), ("l1", 2.0)):
        attack = defenses.get("fast", epsilon=epsilon, norm=norm, **settings).attack
        found = attack(mlp(), images(6), labels(6), step=0)
        away = (found.image - images(6)).numpy().reshape(6, -1)
        length = np.linalg.norm(away, ord=int(norm[1]), axis=1)
        assert np.all((length > 0) & (length <= epsilon * (1 + 1e-5)))


def test_noise_of_black_pixels_is_not_clipped():
    black = tf.zeros([6, 4, 4, 1])
    attack = defenses.get("fast", epsilon=0.1).attack
    batch = Batch(black, tf.zeros([6], tf.int32), {})
    _, start = attack.begin(mlp(), batch, seed=0, step=0)
    assert 0.3 < np.mean(start < 0) < 0.7
    assert np.abs(start).max() <= 0.1


@pytest.mark.parametrize("weak_epochs", [-1, 2.5, "5"])
def test_refuses_weak_epochs_that_are_none(weak_epochs):
    refused(
        lambda: defenses.get("fast", epsilon=0.1, weak_epochs=weak_epochs),
        rule="weak_epochs must be a whole number >= 0",
        right="weak_epochs=5",
        received=f"weak_epochs={weak_epochs!r}",
    )
