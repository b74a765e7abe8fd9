"""N-FGSM: one step from a noisy image, kept in [0, 1] and not in the ball."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import defenses
from tests.attacks.toys import images, labels, loss_and_gradient, mlp
from tests.data.three_parts import refused
from tests.defenses import slow_training as training


def noisy(network, image, label, step):
    """The start of twice the radius is in [0, 1], as is the result."""
    start = training.uniform(image, step, 2 * training.EPSILON)
    _, gradient = loss_and_gradient(network, start, label)
    return np.clip(start + training.EPSILON * np.sign(gradient), 0.0, 1.0)


def unclipped(network, image, label, step):
    start = image + 2 * training.noise(image, step)
    _, gradient = loss_and_gradient(network, start, label)
    return np.clip(start + training.EPSILON * np.sign(gradient), 0.0, 1.0)


@pytest.mark.parametrize(("clip_noise", "attacked"), [(True, noisy), (False, unclipped)])
def test_trains_what_a_loop_written_out_trains(clip_noise, attacked):
    network = mlp(gain=2.0)
    defense = defenses.get("n_fgsm", epsilon=training.EPSILON, clip_noise=clip_noise)
    logs = training.fast(network, defense)
    training.assert_equal(network, training.slow(mlp(gain=2.0), attacked))
    assert logs["gradients"] == [1, 1, 1]


@pytest.mark.parametrize("noise", [0.0, 0.5, 2.0])
def test_images_leave_the_ball_by_the_noise_alone(noise):
    attack = defenses.get("n_fgsm", epsilon=0.05, noise=noise).attack
    image = images(64)
    away = np.abs(attack(mlp(gain=2.0), image, labels(64)).image - image)
    assert away.max() <= (1 + noise) * 0.05 + 1e-6
    assert away.max() > 0.99 * (1 + 0.9 * noise) * 0.05


def test_what_is_defended_is_the_ball_itself():
    """So validations by name attack there."""
    attack = defenses.get("n_fgsm", epsilon=0.05, norm="l2").attack
    assert (attack.epsilon, attack.norm) == (0.05, "l2")
    record = attack.parameters()
    assert (record["num_steps"], record["step_size"], record["start"]) == (1, 0.05, "uniform_2")


def test_its_fosc_is_that_of_the_ball_where_the_images_are():
    network, image, label = mlp(gain=2.0), images(6), labels(6)
    attack = defenses.get("n_fgsm", epsilon=0.1).attack
    found = attack(network, image, label, final_fosc=True)
    _, gradient = loss_and_gradient(network, found.image, label)
    reach = 0.3 * np.abs(gradient).sum(axis=(1, 2, 3))
    right = reach - ((found.image - image).numpy() * gradient).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(found.fosc, right, rtol=1e-4, atol=1e-6)
    assert found.fosc.numpy().min() >= 0


def test_its_ball_may_grow():
    defense = defenses.get(
        "n_fgsm", epsilon=lambda step: 0.1 * tf.cast(step, tf.float32), step_size=0.1
    )
    right = defenses.get("n_fgsm", epsilon=0.2, step_size=0.1).attack
    network, image, label = mlp(gain=2.0), images(6), labels(6)
    found = defense.attack(network, image, label, step=2)
    np.testing.assert_allclose(found.image, right(network, image, label, step=2).image, atol=1e-6)


@pytest.mark.parametrize("noise", [-0.1, float("inf"), float("nan"), "2"])
def test_refuses_noise_of_no_size(noise):
    refused(
        lambda: defenses.get("n_fgsm", epsilon=0.1, noise=noise),
        rule="noise",
        right="noise=2.0",
        received=f"noise={noise!r}",
    )
