"""Attacks of equal settings share what is compiled for a network, and leave nothing behind."""

import copy
import gc
import logging
import pickle
import weakref

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.attacks import PGD
from fosc_tf.attacks.autoattack import APGD, FAB, AutoAttack, Square
from tests.attacks.autoattack import small_networks as small

SHAPE = (8, 8, 1)
BALL = {"epsilon": 0.05, "norm": "l2"}


class Traced:
    """A network that counts how often it is asked within a graph."""

    def __init__(self, network):
        self.network, self.traces = network, 0

    def __call__(self, image, training=False):
        self.traces += not tf.executing_eagerly()
        return self.network(image, training=training)


def ensemble():
    kinds = (APGD, FAB, Square)
    return AutoAttack(**BALL, members=[kind(**BALL, num_steps=2) for kind in kinds])


def pgd(num_steps=2):
    return PGD(**BALL, step_size=0.02, num_steps=num_steps)


def made():
    return small.convolutional(classes=3, shape=SHAPE, seed=3)


def examples(network, count, seed=1):
    image = small.grey_images(count, seed=seed, shape=SHAPE, spread=0.5)
    return image, small.predicted(network, image)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_an_equal_attack_on_other_images_compiles_nothing(caplog):
    network = Traced(made())
    first = ensemble()(network, *examples(network, 6))
    traces = network.traces
    with caplog.at_level(logging.WARNING, logger="tensorflow"):
        for seed in range(10):
            ensemble()(network, *examples(network, 5 + seed, seed=seed))
        assert network.traces == traces > 0
        for _ in range(6):
            pgd()(made(), *examples(network, 3))
    assert "retracing" not in caplog.text
    again = ensemble()(network, *examples(network, 6))
    np.testing.assert_array_equal(again.image, first.image)


def test_other_settings_compile_anew():
    network = made()
    given = examples(network, 4)
    few, many = (pgd(steps)(network, *given).num_gradients for steps in (1, 3))
    assert list(few) == [1] * 4
    assert list(many) == [3] * 4
    attack = APGD(**BALL, num_steps=2)
    attack(network, *given)
    attack.restarts = 2
    assert attack(network, *given).num_gradients.numpy().max() == 4


def test_a_copy_of_a_network_has_its_own():
    network = Traced(made())
    given = examples(network.network, 4)
    before = pgd()(network, *given).loss
    other = copy.copy(network)
    other.network = small.convolutional(classes=3, shape=SHAPE, seed=4)
    assert np.any(pgd()(other, *given).image != pgd()(network, *given).image)
    np.testing.assert_array_equal(pgd()(network, *given).loss, before)
    assert pickle.loads(pickle.dumps(vars(network)["_fosc_tf_compiled"])).functions == {}


@pytest.mark.parametrize("attack", [pgd(), APGD(**BALL, num_steps=2), Square(**BALL, num_steps=2)])
def test_a_network_dies_while_its_attack_lives(attack):
    def attacked():
        network = made()
        attack(network, *examples(network, 2))
        return weakref.ref(network)

    alive = [attacked() for _ in range(5)]
    gc.collect()
    assert [one() for one in alive] == [None] * 5
