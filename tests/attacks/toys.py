"""Networks so small that a person can redo their attacks, and others that have it all.

network = Linear([1.0, -2.0])        # margin loss with label 1 is f(x) = w.x
attack(network, images(3, (2, 1, 1)), tf.ones([3], tf.int32))
"""

import keras
import numpy as np
import tensorflow as tf

SHAPE = (4, 4, 1)
NUM_CLASSES = 3


class Linear:
    """Logits [0, w.x]: "margin" at label 1 ascends -w.x, at label 0 it ascends w.x."""

    def __init__(self, weight):
        self.weight = tf.constant(np.reshape(weight, -1), tf.float32)

    def __call__(self, image, training=False):
        del training
        rows = tf.reshape(image, [tf.shape(image)[0], -1])
        score = tf.linalg.matvec(rows, self.weight)
        return tf.stack([tf.zeros_like(score), score], axis=1)


class Counted:
    """A network that counts the images it sees, and how often Python calls it (traces)."""

    def __init__(self, network):
        self.network = network
        self.images = tf.Variable(0, dtype=tf.int64)
        self.calls = 0

    def __call__(self, image, training=False):
        self.calls += 1
        self.images.assign_add(tf.shape(image, tf.int64)[0])
        return self.network(image, training=training)


def images(batch, shape=SHAPE, seed=0):
    """Draws uniform images, float32 [batch, *shape] in [0, 1]."""
    return np.random.default_rng(seed).uniform(size=(batch, *shape)).astype("float32")


def labels(batch, num_classes=NUM_CLASSES, seed=0):
    """Draws labels, int32 [batch]."""
    return np.random.default_rng(100 + seed).integers(0, num_classes, batch).astype("int32")


def mlp(seed=0, width=16, gain=1.0):
    """Returns a network without batch norm; a larger `gain` makes it steeper and more curved."""
    keras.utils.set_random_seed(seed)
    network = keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Flatten(),
            keras.layers.Dense(width, activation="tanh"),
            keras.layers.Dense(NUM_CLASSES),
        ]
    )
    for layer in network.layers[1:]:
        kernel, _ = layer.get_weights()
        layer.set_weights([gain * kernel, np.linspace(-0.2, 0.2, layer.units)])
    return network


def with_batch_norm_and_dropout(seed=0):
    """Returns a network whose variables and outputs depend on the mode it is called in."""
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Conv2D(4, 3),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(NUM_CLASSES),
        ]
    )


def loss_and_gradient(network, image, label):
    """Returns cross-entropy [batch] and its gradient at `image`, written out apart from the core.

    The gradient of softmax cross-entropy at the logits is p - onehot; the rest is Keras' own.
    """
    image = tf.convert_to_tensor(image)
    with tf.GradientTape() as tape:
        tape.watch(image)
        logits = network(image, training=False)
    probability = tf.nn.softmax(logits)
    wanted = tf.one_hot(label, logits.shape[1])
    gradient = tape.gradient(logits, image, output_gradients=probability - wanted)
    loss = -tf.reduce_sum(wanted * tf.nn.log_softmax(logits), axis=1)
    return loss.numpy(), gradient.numpy()


def snapshot(network):
    """Returns copies of all variables."""
    return [np.array(variable) for variable in network.variables]


def assert_same(one, other):
    """Asserts that two lists of arrays are bit-identical."""
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
