"""Defenses that remember nothing, written out: batches in the order of the images, three epochs.

    network = slow(mlp(), attacked)

What a defense finds is for the test to say, by an implementation of its own.
"""

import keras
import numpy as np
import tensorflow as tf

from fosc_tf.training import AdversarialTrainer
from tests.defenses import by_hand
from tests.defenses.by_hand import IMAGE, LABEL, RATE, SEED, SIZE, STEPS

EPOCHS, EPSILON = 3, 0.2


def batches():
    """Yields step, images and labels of the whole training."""
    for step in range(EPOCHS * STEPS):
        rows = slice(SIZE * (step % STEPS), SIZE * (step % STEPS) + SIZE)
        yield step, IMAGE[rows], LABEL[rows]


def uniform(image, step, radius=EPSILON):
    """Returns the random start that an attack with this seed has at this step."""
    return by_hand.uniform_start(image, radius, step)


def noise(image, step, seed=SEED):
    """Returns the noise of the ball that nothing clips."""
    return by_hand.noise(image, EPSILON, step, seed)


def projected(image_adv, image, radius=EPSILON):
    """Returns what is in the linf ball and in [0, 1]."""
    return by_hand.into_ball(image_adv, image, radius)


def slow(network, attacked, penalty=lambda network, image, label, step: 0.0):
    """Trains on what `attacked(network, image, label, step)` returns; returns the network."""
    for step, image, label in batches():
        found = np.asarray(attacked(network, image, label, step), "float32")
        here = (network, image, label, step)
        by_hand.descend(network, found, label, lambda here=here: penalty(*here))
    return network


def fast(network, defense):
    """Trains by the defense with the trainer; returns the epochs' logs."""
    trainer = AdversarialTrainer(network, defense, seed=SEED, fosc_every=0)
    trainer.compile(optimizer=keras.optimizers.SGD(RATE))
    data = tf.data.Dataset.from_tensor_slices((IMAGE, LABEL)).batch(SIZE)
    return trainer.fit(data, epochs=EPOCHS, verbose=0).history


def assert_equal(one, other):
    """Asserts that two networks have the same weights up to rounding, and are trained."""
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
