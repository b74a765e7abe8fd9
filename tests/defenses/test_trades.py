"""TRADES and MART: equal to loops written out with Keras' own losses; numbers by hand."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import defenses
from fosc_tf.objectives import mart, trades
from fosc_tf.types import Batch, Found
from tests.attacks.toys import loss_and_gradient, mlp
from tests.data.three_parts import refused
from tests.defenses import by_hand
from tests.defenses import slow_training as training

BETA, STEP, STEPS = 4.0, 0.08, 3


def of_divergence(network, image, clean):
    """The gradient of KL(p || q) at the logits of q is q - p; the rest is Keras' own."""
    image = tf.constant(image)
    with tf.GradientTape() as tape:
        tape.watch(image)
        logits = network(image, training=False)
    apart = tf.nn.softmax(logits) - tf.nn.softmax(network(clean, training=False))
    return tape.gradient(logits, image, output_gradients=apart).numpy()


def climbed(gradient, image, step):
    noise = tf.random.stateless_normal([len(image), image[0].size], [training.SEED, step]).numpy()
    x = training.projected(image + 0.001 * noise.reshape(image.shape), image)
    for _ in range(STEPS):
        x = training.projected(x + STEP * np.sign(gradient(x)), image)
    return x


def by_trades(network, image, label, step):
    x = climbed(lambda x: of_divergence(network, x, image), image, step)
    nats = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def loss():
        clean, there = network(image), network(x)
        apart = keras.losses.KLDivergence()(tf.nn.softmax(clean), tf.nn.softmax(there))
        return nats(label, clean) + BETA * apart

    return loss


def by_mart(network, image, label, step):
    x = climbed(lambda x: loss_and_gradient(network, x, label)[1], image, step)
    rows = np.arange(len(label))

    def loss():
        p, q = tf.nn.softmax(network(image)), tf.nn.softmax(network(x))
        wrong = tf.reduce_max(tf.where(tf.one_hot(label, 3) > 0, 0.0, q), axis=1)
        own = tf.stack([q[row, label[row]] for row in rows])
        doubt = 1.0000001 - tf.stack([p[row, label[row]] for row in rows])
        apart = tf.reduce_sum(p * tf.math.log(p / q), axis=1)
        boosted = -tf.math.log(own) - tf.math.log(1.0001 - wrong)
        return tf.reduce_mean(boosted + BETA * apart * doubt)

    return loss


@pytest.mark.parametrize(("name", "written_out"), [("trades", by_trades), ("mart", by_mart)])
def test_trains_what_a_loop_written_out_trains(name, written_out):
    network, other = mlp(gain=2.0), mlp(gain=2.0)
    settings = {"epsilon": training.EPSILON, "step_size": STEP, "num_steps": STEPS}
    logs = training.fast(network, defenses.get(name, beta=BETA, **settings))
    for step, image, label in training.batches():
        by_hand.descend_on(other, written_out(other, image, label, step))
    training.assert_equal(network, other)
    assert logs["gradients"] == [STEPS] * 3
    assert min(logs["divergence"]) > 0


def test_without_the_divergence_trades_trains_on_clean_images():
    network, other = mlp(gain=2.0), mlp(gain=2.0)
    training.fast(network, defenses.get("trades", epsilon=0.2, beta=0.0))
    training.fast(other, defenses.get("unsecured"))
    training.assert_equal(network, other)


class Says:
    """A network whose answer is the image itself."""

    def __call__(self, image, training):
        assert training
        return tf.reshape(image, [-1, 3])


def judged_at(objective, clean, there, label):
    """Returns the objective of logits whose probabilities are these."""
    rows = [tf.math.log(tf.reshape(tf.constant(p), [1, 1, 1, 3])) for p in (clean, there)]
    batch = Batch(rows[0], tf.constant([label]), {})
    return objective(Says(), batch, Found.at(rows[1]), tf.constant(0, tf.int64))


def test_by_hand():
    clean, there = [0.5, 0.25, 0.25], [0.25, 0.5, 0.25]
    apart = 0.5 * np.log(2) + 0.25 * np.log(0.5)
    found = judged_at(trades(6.0), clean, there, 0)
    np.testing.assert_allclose(found.loss, [np.log(2) + 6 * apart], rtol=1e-5)
    np.testing.assert_allclose(found.terms["divergence"], [apart], rtol=1e-5)
    np.testing.assert_allclose(tf.nn.softmax(found.logits), [there], rtol=1e-5)
    found = judged_at(mart(6.0), clean, there, 0)
    boosted = np.log(4) - np.log(1.0001 - 0.5)
    np.testing.assert_allclose(found.loss, [boosted + 6 * apart * 0.5], rtol=1e-5)


def test_a_certain_network_has_a_finite_loss_and_gradient():
    """log(1 - 1) and the divergence of probabilities that are 0."""
    clean = tf.constant([[[[200.0, 0.0, 0.0]]]])
    there = tf.Variable([[[[0.0, 200.0, 0.0]]]])
    for objective in (trades(6.0), mart(6.0)):
        with tf.GradientTape() as tape:
            batch = Batch(clean, tf.constant([0]), {})
            found = objective(Says(), batch, Found.at(there), tf.constant(0, tf.int64))
        assert np.isfinite(found.loss).all()
        assert np.isfinite(tape.gradient(found.loss, there)).all()


@pytest.mark.parametrize("name", ["trades", "mart"])
@pytest.mark.parametrize("beta", [-1.0, float("inf"), "6"])
def test_refuses_a_weight_that_is_none(name, beta):
    refused(
        lambda: defenses.get(name, epsilon=0.1, beta=beta),
        rule="beta must",
        right="beta=",
        received=f"beta={beta!r}",
    )


def test_labels_are_smoothed_where_a_loss_looks_at_them():
    """Keras' own smoothing, of the clean part of TRADES and at the images of Standard training."""
    nats = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)
    network, other = mlp(gain=2.0), mlp(gain=2.0)
    standard = defenses.get("standard", epsilon=training.EPSILON, step_size=STEP, num_steps=1)
    training.fast(network, dataclasses.replace(standard, label_smoothing=0.2))
    for step, image, label in training.batches():
        start = training.uniform(image, step)
        _, gradient = loss_and_gradient(other, start, label)
        x = training.projected(start + STEP * np.sign(gradient), image)
        by_hand.descend_on(other, lambda x=x, t=label: nats(tf.one_hot(t, 3), other(x)))
    training.assert_equal(network, other)
    network, other = mlp(gain=2.0), mlp(gain=2.0)
    smooth = dataclasses.replace(defenses.get("trades", epsilon=0.2, beta=0), label_smoothing=0.2)
    training.fast(network, smooth)
    for _, image, label in training.batches():
        by_hand.descend_on(other, lambda x=image, t=label: nats(tf.one_hot(t, 3), other(x)))
    training.assert_equal(network, other)
