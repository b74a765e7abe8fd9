"""Networks whose attacks a person can foresee: linear ones, and one that counts its work."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

SHAPE = (4, 4, 1)


def linear(weight, bias=None, shape=SHAPE):
    """Returns logits = flat image @ weight + bias, weight [features, classes]."""
    weight = np.asarray(weight, np.float32)
    layer = keras.layers.Dense(weight.shape[1])
    network = keras.Sequential([keras.Input(shape), keras.layers.Flatten(), layer])
    layer.set_weights([weight, np.zeros(weight.shape[1]) if bias is None else np.asarray(bias)])
    return network


def grey_images(count, seed, shape=SHAPE, spread=0.1):
    """Returns images near 0.5, so that small balls never meet the limits of pixels."""
    noise = np.random.default_rng(seed).uniform(-spread, spread, (count, *shape))
    return (0.5 + noise).astype(np.float32)


def random_linear(classes, seed, shape=SHAPE):
    """Returns a linear network and its weight [features, classes]."""
    weight = np.random.default_rng(seed).normal(size=(int(np.prod(shape)), classes))
    # Without a mean the classes are about equally frequent on grey images.
    weight = (weight - weight.mean(axis=0)).astype(np.float32)
    return linear(weight, shape=shape), weight


def distances(weight, image, label, dual):
    """Returns the exact distance [batch] to the nearest other class, away from pixel limits.

    (z_y - z_j) / ||w_j - w_y||_dual, the least over j; `dual` is 1 for linf and 2 for l2.
    """
    flat = image.reshape(len(image), -1)
    found = np.full(len(image), np.inf)
    for j in range(weight.shape[1]):
        normal = weight[:, label] - weight[:, [j]]
        ahead = np.sum(flat.T * normal, axis=0)
        other = j != label
        length = np.linalg.norm(normal, ord=dual, axis=0)
        found[other] = np.minimum(found[other], (ahead[other] / length[other]))
    return found


class Counting:
    """A network that counts the images it is shown, refuses training mode, and counts traces."""

    def __init__(self, network):
        self.network = network
        self.images = tf.Variable(0, dtype=tf.int64)
        self.traces = 0

    def __call__(self, image, training):
        assert training is False
        self.traces += 1
        self.images.assign_add(tf.cast(tf.shape(image)[0], tf.int64))
        return self.network(image, training=False)


def convolutional(classes=4, shape=(8, 8, 1), seed=0, scale=4.0):
    """Returns a small network that is not linear, with large enough logits to be breakable."""
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Conv2D(6, 3, activation="tanh"),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dense(classes),
            keras.layers.Rescaling(scale),
        ]
    )


def predicted(network, image):
    """Returns the classes that the network names, [batch]."""
    return np.argmax(network(image, training=False), axis=1).astype(np.int32)


def searched(attack, network, image, label, **options):
    """Returns the outcome of a member's search as arrays."""
    outcome = attack.search(network, image, label, **options)
    return outcome._make(part.numpy() for part in outcome)
