"""Adversarial training written out: eager, one batch after the other, memories as NumPy arrays.

What a defense of `fosc_tf` does in a few steps must come out of these loops as well.
"""

import keras
import numpy as np
import tensorflow as tf

import fosc_tf
from fosc_tf.data import train_batches
from tests.attacks.toys import images, labels, mlp

NUMBER, SIZE, EPOCHS, SEED, RATE = 24, 8, 4, 3, 0.2
STEPS = NUMBER // SIZE
IMAGE, LABEL = images(NUMBER), labels(NUMBER)


def batches(augment=None):
    """Returns the batches of all epochs, as both trainings see them."""
    data = train_batches(IMAGE, LABEL, batch_size=SIZE, seed=0, augment=augment)
    return data.take(EPOCHS * STEPS)


def trained(defense, augment=None, gain=1.5):
    """Trains by `defense`; returns weights, the epochs' logs, and the trainer."""
    network = mlp(gain=gain)
    trainer = (defense.trainer or fosc_tf.AdversarialTrainer)(
        network, defense, seed=SEED, fosc_every=0
    )
    trainer.compile(optimizer=keras.optimizers.SGD(RATE))
    data = train_batches(IMAGE, LABEL, batch_size=SIZE, seed=0, augment=augment)
    logs = trainer.fit(data, steps_per_epoch=STEPS, epochs=EPOCHS, verbose=0).history
    return network.get_weights(), logs, trainer


def by_hand(attack, augment=None, gain=1.5):
    """Trains at `attack(network, batch, epoch, step)`, NumPy images of a NumPy batch.

    Returns the weights.
    """
    network = mlp(gain=gain)
    for step, batch in enumerate(batches(augment)):
        batch = {name: value.numpy() for name, value in batch.items()}
        descend(network, attack(network, batch, step // STEPS, step), batch["label"])
    return network.get_weights()


def descend(network, image, label, penalty=lambda: 0.0):
    """Takes one step of gradient descent on the mean cross-entropy and a penalty."""

    def loss():
        logits = network(image, training=True)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=label, logits=logits)
        return tf.reduce_mean(loss) + penalty()

    descend_on(network, loss)


def descend_on(network, loss):
    """Takes one step of gradient descent on `loss()`."""
    with tf.GradientTape() as tape:
        loss = loss()
    for variable, gradient in zip(
        network.trainable_variables,
        tape.gradient(loss, network.trainable_variables),
        strict=True,
    ):
        variable.assign_sub(RATE * gradient)


def into_ball(image, clean, epsilon):
    """Returns images moved into the linf ball and into [0, 1]."""
    return np.clip(np.clip(image, clean - epsilon, clean + epsilon), 0.0, 1.0).astype("float32")


def noise(clean, epsilon, step, seed=SEED):
    """Returns what attacks of this seed draw from the linf ball at this step."""
    shape = [len(clean), clean[0].size]
    drawn = tf.random.stateless_uniform(shape, [seed, step], minval=-1.0, maxval=1.0)
    return epsilon * drawn.numpy().reshape(clean.shape)


def uniform_start(clean, epsilon, step):
    """Returns what `starts.uniform` draws for the linf ball."""
    return into_ball(clean + noise(clean, epsilon, step), clean, epsilon)


class Canvas:
    """Perturbations of all examples on the canvas that crops are taken from.

    With `shrink` each square of so many pixels a side keeps its mean alone.
    """

    def __init__(self, pad=0, shrink=1):
        self.shrink = shrink
        height, width, channels = IMAGE.shape[1:]
        self.values = np.zeros([NUMBER, height + 2 * pad, width + 2 * pad, channels], "float32")

    def window(self, batch, row):
        """Returns the view of one example of a batch, which may be written to."""
        canvas, (height, width) = self.values[batch["id"][row]], IMAGE.shape[1:3]
        top, left = batch["crop"][row] if "crop" in batch else (0, 0)
        view = canvas[top : top + height, left : left + width]
        return view[:, ::-1] if "flip" in batch and batch["flip"][row] else view

    def read(self, batch):
        """Returns the perturbations as the batch shows them."""
        return np.stack([self.window(batch, row) for row in range(SIZE)])

    def write(self, batch, perturbation, anew=False):
        """Keeps them; with `anew` nothing else is left of these examples."""
        if anew:
            self.values[batch["id"]] = 0
        for row in range(SIZE):
            self.window(batch, row)[:] = perturbation[row]
        if self.shrink > 1:
            for top in range(0, self.values.shape[1], self.shrink):
                for left in range(0, self.values.shape[2], self.shrink):
                    ends = top + self.shrink, left + self.shrink
                    square = self.values[batch["id"], top : ends[0], left : ends[1]]
                    means = square.mean(axis=(1, 2), keepdims=True)
                    self.values[batch["id"], top : ends[0], left : ends[1]] = means
