"""SAT and ATTA with adaptive targets: equal to loops written out, targets in NumPy arrays."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import defenses
from fosc_tf.objectives import adaptive
from tests.attacks.toys import loss_and_gradient, mlp
from tests.data.three_parts import refused
from tests.defenses.by_hand import (
    NUMBER,
    SEED,
    STEPS,
    Canvas,
    batches,
    descend_on,
    into_ball,
    trained,
    uniform_start,
)
from tests.defenses.test_trades import of_divergence

EPSILON, STEP, RHO, WARM, CLASSES = 0.3, 0.1, 0.7, 1, 3
EACH = keras.losses.CategoricalCrossentropy(from_logits=True, reduction=None)


class Targets:
    """Of all examples, at first their labels; with the weights of their last batches."""

    def __init__(self):
        self.values, self.weights = {}, np.zeros(NUMBER, "float32")

    def weigh(self, batch, weight):
        self.weights[batch["id"]] = weight / weight.mean()

    def moved(self, batch, probability):
        for row, number in enumerate(batch["id"]):
            before = self.values.get(number, np.eye(CLASSES)[batch["label"][row]])
            self.values[number] = RHO * before + (1 - RHO) * np.asarray(probability)[row]
        return np.stack([self.values[number] for number in batch["id"]])


def run(loss):
    network = mlp(gain=1.5)
    for step, batch in enumerate(batches()):
        batch = {name: value.numpy() for name, value in batch.items()}
        descend_on(network, loss(network, batch, step // STEPS, step))
    return network.get_weights()


def by_atta(beta, reweight):
    canvas, targets = Canvas(), Targets()

    def loss(network, batch, epoch, step):
        clean, label = batch["image"], batch["label"]
        x = uniform_start(clean, EPSILON, step)
        if epoch:
            x = into_ball(clean + canvas.read(batch), clean, EPSILON)
        _, gradient = loss_and_gradient(network, x, label)
        x = into_ball(x + STEP * np.sign(gradient), clean, EPSILON)
        canvas.write(batch, x - clean)
        p = tf.nn.softmax(network(x)).numpy()
        own = np.eye(CLASSES)[label]
        goal, weight = own, np.ones(len(label))
        if epoch >= WARM:
            goal = beta * own + (1 - beta) * targets.moved(batch, p)
            weight = p[np.arange(len(label)), label] if reweight else weight
        weight = weight.astype("float32")
        targets.weigh(batch, weight)
        return lambda: tf.reduce_sum(weight * EACH(goal, network(x))) / np.sum(weight)

    loss.targets = targets
    return loss


def by_sat(beta):
    targets = Targets()

    def loss(network, batch, epoch, step):
        clean, label = batch["image"], batch["label"]
        noise = tf.random.stateless_normal([len(clean), clean[0].size], [SEED, step]).numpy()
        x = into_ball(clean + 0.001 * noise.reshape(clean.shape), clean, EPSILON)
        for _ in range(2):
            x = x + STEP * np.sign(of_divergence(network, x, clean))
            x = into_ball(x, clean, EPSILON)
        goal, weight = np.eye(CLASSES)[label], np.ones(len(label), "float32")
        if epoch >= WARM:
            goal = targets.moved(batch, tf.nn.softmax(network(clean)))
            weight = goal.max(axis=1).astype("float32")
        targets.weigh(batch, weight)

        def value():
            p, q = tf.nn.softmax(network(clean)), tf.nn.softmax(network(x))
            apart = tf.reduce_sum(p * tf.math.log(p / q), axis=1)
            fitted = weight / weight.mean() * EACH(goal, network(clean))
            return tf.reduce_mean(fitted + beta * apart)

        return value

    loss.targets = targets
    return loss


def adaptive_atta(**arguments):
    settings = {"epsilon": EPSILON, "step_size": STEP, "num_examples": NUMBER, "num_classes": 3}
    settings |= {"rho": RHO, "warm_up_epochs": WARM}
    return defenses.get("adaptive_atta", **settings | arguments)


def sat(**arguments):
    settings = {"epsilon": EPSILON, "step_size": STEP, "num_examples": NUMBER, "num_classes": 3}
    settings |= {"rho": RHO, "warm_up_epochs": WARM, "num_steps": 2, "beta": 2.0}
    return defenses.get("sat", **settings | arguments)


def remembers_the_weights(trainer, targets):
    kept = trainer.defense.memory.variables[adaptive.WEIGHT].numpy()
    np.testing.assert_allclose(kept, targets.weights, atol=1e-4)


@pytest.mark.parametrize(("beta", "reweight"), [(0.1, True), (0.4, False), (1.0, True)])
def test_adaptive_atta_is_its_loop_written_out(beta, reweight):
    weights, logs, trainer = trained(adaptive_atta(beta=beta, reweight=reweight))
    by_hand = by_atta(beta, reweight)
    for ours, expected in zip(weights, run(by_hand), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)
    remembers_the_weights(trainer, by_hand.targets)
    assert logs["gradients"] == [1] * 4
    np.testing.assert_allclose(logs["weight"], [1] * 4, rtol=1e-5)
    assert logs["target_of_label"][0] == 1
    assert (logs["target_of_label"][-1] < 0.99) == (beta < 1)


def test_without_both_it_is_atta_from_a_random_start():
    weights, _, _ = trained(adaptive_atta(beta=1.0, reweight=False))
    for ours, expected in zip(weights, run(by_atta(1.0, False)), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_sat_is_its_loop_written_out():
    weights, logs, trainer = trained(sat())
    by_hand = by_sat(2.0)
    for ours, expected in zip(weights, run(by_hand), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)
    remembers_the_weights(trainer, by_hand.targets)
    assert logs["gradients"] == [2] * 4
    kept = trainer.defense.memory.variables[adaptive.TARGET].numpy()
    np.testing.assert_allclose(kept.sum(axis=1), np.ones(NUMBER), rtol=1e-5)


def test_before_its_time_sat_is_trades():
    weights, _, _ = trained(sat(warm_up_epochs=9))
    plain = defenses.get("trades", epsilon=EPSILON, step_size=STEP, num_steps=2, beta=2.0)
    for ours, expected in zip(weights, trained(plain)[0], strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("made", "wrong", "rule", "received"),
    [
        (adaptive_atta, {"rho": 1.0}, "rho must lie in its range [0, 1)", "rho=1.0"),
        (adaptive_atta, {"beta": 1.1}, "beta must lie in its range [0, 1]", "beta=1.1"),
        (adaptive_atta, {"reweight": "no"}, "True or False", "reweight='no'"),
        (adaptive_atta, {"num_examples": None}, "how many examples", "num_examples=None"),
        (sat, {"rho": -0.1}, "rho must lie in its range [0, 1)", "rho=-0.1"),
        (sat, {"beta": -1.0}, "beta must lie in its range [0, inf)", "beta=-1.0"),
        (sat, {"num_classes": 1}, "num_classes must be a whole number >= 2", "num_classes=1"),
        (sat, {"num_examples": None}, "how many examples", "num_examples=None"),
    ],
)
def test_mistakes(made, wrong, rule, received):
    refused(lambda: made(**wrong), rule=rule, right="", received=received)


@pytest.mark.parametrize("made", [adaptive_atta, sat])
def test_classes_must_be_those_of_the_network(made):
    refused(
        lambda: trained(made(num_classes=4)),
        rule="as many classes as the network has logits",
        right="num_classes=3",
        received="num_classes=4",
    )
