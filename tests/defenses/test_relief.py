"""A training attack that can be made stronger: what it is before, and after."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import defenses
from fosc_tf.attacks import PGD
from fosc_tf.defenses.relief import with_relief
from fosc_tf.types import PerExample
from tests.attacks.toys import assert_same, images, labels, mlp
from tests.data.three_parts import refused
from tests.defenses import slow_training as training

IMAGE, LABEL = images(6), labels(6)


def at_strength(attack, count, network):
    """Returns what the attack with relief finds after so many times."""
    defense = dataclasses.replace(defenses.get("standard", epsilon=0.2), attack=attack)
    found = with_relief(defense)
    for _ in range(count):
        found.relief.more()
    return found.attack(network, IMAGE, LABEL, seed=1)


@pytest.mark.parametrize(
    ("count", "num_steps", "step_size"),
    [(0, 1, 0.2), (1, 2, 0.1), (2, 4, 0.05), (3, 8, 0.05), (4, 10, 0.05), (40, 10, 0.05)],
)
def test_a_step_becomes_more_and_shorter_ones(count, num_steps, step_size):
    network = mlp(gain=2.0)
    found = at_strength(PGD(epsilon=0.2, step_size=0.2, num_steps=1), count, network)
    plain = PGD(epsilon=0.2, step_size=step_size, num_steps=num_steps)
    np.testing.assert_allclose(found.image, plain(network, IMAGE, LABEL, seed=1).image, atol=1e-6)
    assert found.num_gradients.numpy().tolist() == [num_steps] * 6


def test_never_makes_it_weaker():
    """Of steps that are short and many already only the number could grow, and does not."""
    network = mlp(gain=2.0)
    plain = PGD(epsilon=0.2, step_size=0.01, num_steps=20, start="clean", gate="still_right")
    found = at_strength(plain, 3, network)
    assert_same([found.image], [plain(network, IMAGE, LABEL, seed=1).image])


def test_a_radius_and_a_step_of_each_example():
    radius, network = [0.1, 0.2, 0.3, 0.1, 0.2, 0.3], mlp(gain=2.0)
    apart = PerExample(lambda step, batch: tf.constant(radius))
    found = at_strength(PGD(epsilon=apart, step_size=0.4, num_steps=1, start="clean"), 1, network)
    assert found.num_gradients.numpy().tolist() == [2] * 6
    for row, epsilon in enumerate(radius):
        twin = PGD(epsilon=epsilon, step_size=0.2, num_steps=2, start="clean")
        alone = twin(network, IMAGE[row : row + 1], LABEL[row : row + 1]).image[0]
        np.testing.assert_allclose(found.image[row], alone, atol=1e-6)


@pytest.mark.parametrize("name", ["fast", "trades", "dynamic", "atta", "amata"])
def test_until_then_training_is_the_same(name):
    settings = {"epsilon": 0.2}
    settings |= {"num_examples": 24} if name == "atta" else {}
    settings |= {"total_epochs": 3, "least_steps": 2} if name == "amata" else {}
    if name == "atta":
        from tests.defenses.by_hand import trained

        one, other = (
            trained(change(defenses.get(name, **settings)))[0]
            for change in (with_relief, lambda d: d)
        )
    else:
        networks = mlp(gain=2.0), mlp(gain=2.0)
        training.fast(networks[0], with_relief(defenses.get(name, **settings)))
        training.fast(networks[1], defenses.get(name, **settings))
        one, other = (network.get_weights() for network in networks)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("name", ["unsecured", "curriculum", "n_fgsm", "free", "yopo", "iat"])
def test_other_attacks_are_refused(name):
    from tests.defenses.arguments import arguments_of

    refused(
        lambda: with_relief(defenses.get(name, **arguments_of(name))),
        rule="only a PGD",
        right="warn",
        received="Defense(",
    )
