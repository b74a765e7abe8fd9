"""FGSM-PGD: one full step from the clean image in the first epochs, PGD after them."""

import numpy as np
import pytest

from fosc_tf import defenses
from fosc_tf.attacks import PGD
from tests.attacks.toys import images, labels, loss_and_gradient, mlp

IMAGE, LABEL = images(12), labels(12)


@pytest.fixture(scope="module")
def network():
    return mlp(gain=3.0)


@pytest.fixture(scope="module")
def attack():
    defense = defenses.get("fgsm_pgd", epsilon=0.2, steps_per_epoch=10, num_steps=4, fgsm_epochs=2)
    return defense.attack


@pytest.mark.parametrize("step", [0, 19])
def test_first_epochs_are_fgsm(network, attack, step):
    found = attack(network, IMAGE, LABEL, step=step)
    _, gradient = loss_and_gradient(network, IMAGE, LABEL)
    right = np.clip(IMAGE + 0.2 * np.sign(gradient), 0, 1)
    np.testing.assert_allclose(found.image, right, atol=1e-6)
    np.testing.assert_array_equal(found.num_gradients, [1] * 12)


@pytest.mark.parametrize("step", [20, 999])
def test_then_pgd_from_a_random_start(network, attack, step):
    found = attack(network, IMAGE, LABEL, step=step)
    right = PGD(epsilon=0.2, step_size=0.05, num_steps=4)(network, IMAGE, LABEL, step=step)
    np.testing.assert_allclose(found.image, right.image, atol=1e-6)
    np.testing.assert_array_equal(found.num_gradients, [4] * 12)


def test_the_papers_twenty_epochs():
    defense = defenses.get("fgsm_pgd", epsilon=0.2, steps_per_epoch=10)
    spent = [int(defense.attack.num_steps(step)) for step in (0, 199, 200)]
    assert spent == [1, 1, 10]


def test_whole_numbers_are_numbers_too(network):
    """An l2 ball of radius 1, written without a point."""
    defense = defenses.get("fgsm_pgd", epsilon=1, steps_per_epoch=1, fgsm_epochs=1, norm="l2")
    found = defense.attack(network, IMAGE, LABEL, step=0)
    length = np.linalg.norm((found.image - IMAGE).numpy().reshape(12, -1), axis=1)
    assert np.all(length <= 1 + 1e-5)
