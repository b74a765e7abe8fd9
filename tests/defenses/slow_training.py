"""Training written out: plain SGD without momentum, one network, no compiled step.

    network = slow(mlp(), attacked, epochs=2)

What a defense finds is for the test to say, by an implementation of its own.
"""

import numpy as np
import tensorflow as tf

from fosc_tf.attacks import starts
from fosc_tf.attacks.ball import Linf
from fosc_tf.training import AdversarialTrainer
from fosc_tf.types import Batch
from tests.attacks.toys import images, labels

SIZE, STEPS, EPOCHS, SEED, RATE = 8, 3, 3, 5, 0.3
EPSILON = 0.2
IMAGE, LABEL = images(SIZE * STEPS), labels(SIZE * STEPS)


def batches():
    """Yields step, images and labels of the whole training."""
    for step in range(EPOCHS * STEPS):
        rows = slice(SIZE * (step % STEPS), SIZE * (step % STEPS) + SIZE)
        yield step, IMAGE[rows], LABEL[rows]


def uniform(image, step, radius=EPSILON):
    """Returns the random start that an attack with this seed has at this step."""
    batch = Batch(tf.constant(image), tf.zeros([len(image)], tf.int32), {})
    seed, step = tf.constant([SEED, step], tf.int64), tf.constant(step, tf.int64)
    return starts.uniform(batch, Linf(), tf.constant(radius, tf.float32), seed, step).numpy()


def noise(image, step, seed=SEED):
    """Returns the noise of the ball that nothing clips: a grey image is far from all limits."""
    grey = Batch(tf.fill(image.shape, 0.5), tf.zeros([len(image)], tf.int32), {})
    seed, step = tf.constant([seed, step], tf.int64), tf.constant(step, tf.int64)
    return starts.uniform(grey, Linf(), tf.constant(EPSILON), seed, step).numpy() - 0.5


def projected(image_adv, image, radius=EPSILON):
    """Returns what is in the linf ball and in [0, 1]."""
    return np.clip(np.clip(image_adv, image - radius, image + radius), 0.0, 1.0)


def slow(network, attacked, penalty=lambda network, image, label, step: 0.0):
    """Trains on what `attacked(network, image, label, step)` returns; returns the network."""
    for step, image, label in batches():
        found = np.asarray(attacked(network, image, label, step), "float32")
        with tf.GradientTape() as tape:
            log_p = tf.nn.log_softmax(network(found, training=True))
            loss = -tf.reduce_mean(tf.gather(log_p, label, batch_dims=1))
            loss += penalty(network, image, label, step)
        variables = network.trainable_variables
        for weight, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
            weight.assign_sub(RATE * gradient)
    return network


def fast(network, defense):
    """Trains by the defense with the trainer; returns the epochs' logs."""
    trainer = AdversarialTrainer(network, defense, seed=SEED, fosc_every=0)
    trainer.compile(optimizer=tf.keras.optimizers.SGD(RATE))
    data = tf.data.Dataset.from_tensor_slices((IMAGE, LABEL)).batch(SIZE)
    return trainer.fit(data, epochs=EPOCHS, verbose=0).history


def assert_equal(one, other):
    """Asserts that two networks have the same weights up to rounding, and are trained."""
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
