"""YOPO: equal to the loop written out, what it costs, and networks that cannot be cut."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

import fosc_tf
from fosc_tf import defenses
from fosc_tf.training import WeightPerturbation
from fosc_tf.training.first_layer import FirstLayerTrainer
from tests.attacks.toys import mlp
from tests.data.three_parts import refused
from tests.defenses.by_hand import (
    EPOCHS,
    RATE,
    STEPS,
    batches,
    into_ball,
    trained,
    uniform_start,
)

EPSILON, SIGMA = 0.3, 0.1


def yopo(**arguments):
    return defenses.get("yopo", **({"epsilon": EPSILON, "step_size": SIGMA} | arguments))


def by_hand(passes, num_steps, length):
    """Returns the weights; passes and length are functions of the epoch.

    The first layer of the network is tanh(x W + b), whose gradients are written down.
    """
    network = mlp(gain=1.5)
    _, first, last = network.layers
    for step, batch in enumerate(batches()):
        clean, label, epoch = batch["image"].numpy(), batch["label"].numpy(), step // STEPS
        image, sums = uniform_start(clean, EPSILON, step), [0.0] * 4
        for _ in range(passes(epoch)):
            flat = image.reshape(len(image), -1)
            kernel, bias = first.get_weights()
            hidden = np.tanh(flat @ kernel + bias)
            logits = hidden @ last.get_weights()[0] + last.get_weights()[1]
            odds = np.exp(logits - logits.max(axis=1, keepdims=True))
            error = odds / odds.sum(axis=1, keepdims=True)
            error[np.arange(len(label)), label] -= 1
            error /= len(label)
            p = error @ last.get_weights()[0].T
            for _ in range(num_steps):
                flat = image.reshape(len(image), -1)
                inner = p * (1 - np.tanh(flat @ kernel + bias) ** 2)
                slope = (inner @ kernel.T).reshape(image.shape)
                image = into_ball(image + length(epoch) * np.sign(slope), clean, EPSILON)
            flat = image.reshape(len(image), -1)
            inner = p * (1 - np.tanh(flat @ kernel + bias) ** 2)
            terms = [flat.T @ inner, inner.sum(axis=0), hidden.T @ error, error.sum(axis=0)]
            sums = [total + term / passes(epoch) for total, term in zip(sums, terms, strict=True)]
        for variable, total in zip(network.trainable_variables, sums, strict=True):
            variable.assign_sub(RATE * total)
    return network.get_weights()


@pytest.mark.parametrize(("num_passes", "num_steps"), [(1, 1), (3, 2)])
def test_equals_the_loop_written_out(num_passes, num_steps):
    weights, logs, trainer = trained(yopo(num_passes=num_passes, num_steps=num_steps))
    expected = by_hand(lambda epoch: num_passes, num_steps, lambda epoch: SIGMA)
    for ours, right in zip(weights, expected, strict=True):
        np.testing.assert_allclose(ours, right, atol=1e-5)
    assert isinstance(trainer, FirstLayerTrainer)
    assert logs["gradients"] == [num_passes] * EPOCHS
    assert int(trainer.optimizer.iterations.numpy()) == EPOCHS * STEPS


def test_passes_grow_and_steps_become_shorter():
    """Amata + YOPO: 1, 2, 2, 3 passes of four epochs, 3 * 0.1 long together."""
    weights, logs, _ = trained(yopo(num_passes=3, num_steps=1, least_passes=1, total_epochs=4))
    passes = [1, 2, 2, 3]
    expected = by_hand(passes.__getitem__, 1, lambda epoch: 0.3 / passes[epoch])
    for ours, right in zip(weights, expected, strict=True):
        np.testing.assert_allclose(ours, right, atol=1e-5)
    assert logs["passes"] == passes


def test_its_fosc_is_that_of_the_whole_network():
    """The first of the inner gradients is the network's own."""
    network = mlp(gain=1.5)
    defense = yopo(num_passes=1, num_steps=1)
    trainer = fosc_tf.AdversarialTrainer(network, defense, seed=3, fosc_every=1)
    trainer.compile(optimizer=keras.optimizers.SGD(0.0))
    data = batches().take(1)
    logs = trainer.fit(data, verbose=0).history
    batch = next(iter(data))
    start = uniform_start(batch["image"].numpy(), EPSILON, 0)
    with tf.GradientTape() as tape:
        image = tf.constant(start)
        tape.watch(image)
        loss = fosc_tf.objectives.cross_entropy(network(image), batch["label"])
    expected = fosc_tf.attacks.fosc(
        image, batch["image"], tape.gradient(loss, image), epsilon=EPSILON, norm="linf"
    )
    np.testing.assert_allclose(logs["fosc"], [expected.numpy().mean()], rtol=1e-5)


def test_penalties_count_once_a_batch():
    """Without any loss but the penalty w * ||kernel||^2 weights shrink by 1 - 2 * rate * w."""
    image = keras.Input((4, 4, 1))
    layer = keras.layers.Dense(
        3, use_bias=False, kernel_regularizer=keras.regularizers.L2(0.1), name="only"
    )
    hidden = layer(keras.layers.Flatten()(image))
    network = keras.Model(image, keras.layers.Rescaling(0.0, offset=2.0)(hidden))
    before = layer.get_weights()[0]
    trainer = fosc_tf.AdversarialTrainer(network, yopo(num_passes=3))
    trainer.compile(optimizer=keras.optimizers.SGD(RATE))
    trainer.fit(batches().take(1), verbose=0)
    np.testing.assert_allclose(layer.get_weights()[0], before * (1 - 2 * RATE * 0.1), rtol=1e-5)


def reads_past():
    image = keras.Input((4, 4, 1))
    hidden = keras.layers.Conv2D(1, 3, padding="same", name="conv")(image)
    both = keras.layers.Add(name="skip")([image, hidden])
    return keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(both)))


def nested():
    image = keras.Input((4, 4, 1))
    inner = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3)], name="backbone")
    return keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(inner(image))))


def normalised_first():
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = mlp()

    def call(self, image, training=False):
        return self.inner(image, training=training)


@pytest.mark.parametrize(
    ("make", "received"),
    [
        (reads_past, "'skip', which reads past the first layer 'conv'"),
        (nested, "'backbone', a model of its own"),
        (normalised_first, "'norm', which keeps statistics"),
        (Subclassed, "Subclassed, which does not say what it calls"),
    ],
)
def test_a_first_layer_that_cannot_be_cut_off_is_named(make, received):
    refused(
        lambda: fosc_tf.AdversarialTrainer(make(), yopo()),
        rule="cut behind its first layer",
        right="begins with a convolution",
        received=received,
    )


def test_moved_weights_are_refused():
    defense = dataclasses.replace(yopo(), perturbation=WeightPerturbation(0.01))
    refused(
        lambda: fosc_tf.AdversarialTrainer(mlp(), defense),
        rule="YOPO takes the gradients of the weights",
        right="perturbation.gamma=0.0",
        received="gamma=0.01",
    )


@pytest.mark.parametrize(
    ("wrong", "rule", "received"),
    [
        ({"num_passes": 0}, "whole number >= 1", "num_passes=0"),
        ({"num_steps": 0}, "whole number >= 1", "num_steps=0"),
        ({"least_passes": 2}, "total_epochs must be", "total_epochs=None"),
        ({"least_passes": 9, "total_epochs": 9}, "least_steps is at most", "least_steps=9"),
    ],
)
def test_mistakes(wrong, rule, received):
    refused(lambda: yopo(**wrong), rule=rule, right="", received=received)
