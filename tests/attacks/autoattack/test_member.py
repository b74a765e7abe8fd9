"""What a member sees while it searches, and who has the last word."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from fosc_tf.attacks.autoattack import APGD, FAB, Square, TargetedAPGD, member
from tests.attacks.autoattack import small_networks as small
from tests.models.test_folding import number_folded, stacked

EPSILON = 0.05
SHAPE = (8, 8, 1)


@pytest.fixture(scope="module")
def network():
    return small.convolutional(classes=5, shape=SHAPE, seed=3)


@pytest.fixture(scope="module")
def examples(network):
    image = small.grey_images(12, seed=1, shape=SHAPE, spread=0.5)
    return image, small.predicted(network, image)


@pytest.mark.parametrize("kind", [APGD, TargetedAPGD, Square])
def test_the_network_itself_has_the_last_word(kind, network, examples, monkeypatch):
    asked = []

    def liar(given):
        asked.append(given)
        # Wrong everywhere: the search takes every example for broken at its first look.
        return lambda image, training: tf.roll(network(image, training=training), 1, axis=1)

    monkeypatch.setattr(member, "folded", liar)
    found = kind(epsilon=1e-4, num_steps=3)(network, *examples)
    assert asked == [network]
    assert np.max(found.num_gradients) <= 4  # one for each target, not three
    label = examples[1]
    logits = np.array(network(found.image, training=False))
    others = np.where(np.eye(5, dtype=bool)[label], -np.inf, logits).max(axis=1)
    np.testing.assert_allclose(found.loss, others - logits[range(12), label], rtol=1e-4)
    assert np.max(found.loss) < 0


def test_fab_ends_where_rounding_decides_and_sees_the_network_itself(
    network, examples, monkeypatch
):
    monkeypatch.setattr(member, "folded", lambda _: pytest.fail("folded"))
    FAB(epsilon=EPSILON, num_steps=2)(network, *examples)


@pytest.mark.parametrize("kind", [APGD, TargetedAPGD, Square])
def test_folding_changes_nothing_but_rounding(kind, examples, monkeypatch):
    middle = (layers.Conv2D(6, 3), layers.BatchNormalization(), layers.Activation("tanh"))
    network = stacked(*middle, shape=SHAPE)
    image = examples[0]
    label = small.predicted(network, image)
    found = kind(epsilon=3 * EPSILON, num_steps=10)(network, image, label)
    assert number_folded(network) == 1
    monkeypatch.setattr(member, "folded", lambda given: given)
    plain = kind(epsilon=3 * EPSILON, num_steps=10)(network, image, label)
    np.testing.assert_array_equal(found.num_gradients, plain.num_gradients)
    np.testing.assert_allclose(found.loss, plain.loss, atol=1e-4)
    assert np.all(np.max(np.abs(plain.image - image), axis=(1, 2, 3)) > EPSILON)
