"""IAT: equal to its loop written out, radii in a NumPy array; numbers that a person can redo."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import defenses
from fosc_tf.attacks import AdaptiveRadius
from tests.attacks.toys import Linear, loss_and_gradient, mlp
from tests.data.three_parts import refused
from tests.defenses.by_hand import NUMBER, STEPS, batches, descend_on, noise, trained

EPSILON, STEP, K, CHANGE, RATE, WARM = 0.15, 0.06, 2, 0.08, 0.4, 1


def iat(**arguments):
    settings = {"epsilon": EPSILON, "step_size": STEP, "num_steps": K, "num_examples": NUMBER}
    settings |= {"change": CHANGE, "rate": RATE, "warm_up_epochs": WARM}
    return defenses.get("iat", **settings | arguments)


def boxed(x, clean, radius):
    radius = np.reshape(radius, [-1, 1, 1, 1])
    return np.clip(np.clip(x, clean - radius, clean + radius), 0, 1).astype("float32")


def attacked(network, batch, radius, step):
    """Returns images found within the radii, and where the network withstands them."""
    clean = batch["image"]
    x = boxed(clean + np.reshape(radius, [-1, 1, 1, 1]) * noise(clean, 1.0, step), clean, radius)
    for _ in range(K):
        _, gradient = loss_and_gradient(network, x, batch["label"])
        x = boxed(x + STEP * np.sign(gradient), clean, radius)
    return x, network(x).numpy().argmax(axis=1) == batch["label"]


def by_hand():
    """Returns weights, radii, and the mean gradients of each epoch."""
    network, radii, spent = mlp(gain=2.5), np.full(NUMBER, EPSILON), []
    for step, batch in enumerate(batches()):
        batch = {name: value.numpy() for name, value in batch.items()}
        epoch, label, ids = step // STEPS, batch["label"], batch["id"]
        known = radii[ids]
        if epoch < WARM:
            x, _ = attacked(network, batch, known, step)
            right, cost = np.ones(len(label), bool), np.full(len(label), K)
        else:
            tries = [known + CHANGE, known, np.maximum(known - CHANGE, 0)]
            found = [attacked(network, batch, each, step) for each in tries]
            which = np.where(found[0][1], 0, np.where(found[1][1], 1, 2))
            x = np.stack([found[n][0][row] for row, n in enumerate(which)])
            used = np.stack([tries[n][row] for row, n in enumerate(which)])
            radii[ids] = np.where(which == 1, known, known + RATE * (used - known))
            right = network(batch["image"]).numpy().argmax(axis=1) == label
            cost = K * (1 + which)
        spent.append(cost.mean())
        shown = np.where(np.reshape(right, [-1, 1, 1, 1]), x, batch["image"])

        def loss(shown=shown, label=label, network=network):
            logits = network(shown)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=label, logits=logits)
            return tf.reduce_mean(loss)

        descend_on(network, loss)
    return network.get_weights(), radii, np.reshape(spent, [-1, STEPS]).mean(axis=1)


def test_is_its_loop_written_out():
    weights, logs, trainer = trained(iat(), gain=2.5)
    expected, radii, spent = by_hand()
    for ours, right in zip(weights, expected, strict=True):
        np.testing.assert_allclose(ours, right, atol=1e-5)
    kept = trainer.defense.memory.variables["radius"].numpy()
    np.testing.assert_allclose(kept, radii, atol=1e-6)
    assert len(np.unique(np.round(kept, 4))) > 3
    np.testing.assert_allclose(logs["gradients"], spent, rtol=1e-6)
    assert logs["radius"][0] == pytest.approx(EPSILON)


class Shifted(Linear):
    """Logits [0, 2 x - 0.08]: label 1 is right while x is above 0.04."""

    def __init__(self):
        super().__init__([2.0])

    def __call__(self, image, training=False):
        return super().__call__(image, training) - tf.constant([0.0, 0.08])


def test_by_hand():
    """At x = 0.5 with steps of 0.9 the image ends at 0.5 - radius: it withstands up to 0.46."""
    attack = AdaptiveRadius(epsilon=0.5, step_size=0.9, num_steps=1, change=0.1, rate=0.5)
    radius = tf.constant([0.2, 0.45, 0.52, 0.05])
    image = tf.fill([4, 1, 1, 1], 0.5)
    found = attack(Shifted(), image, tf.ones([4], tf.int32), context={"radius": radius})
    np.testing.assert_allclose(found.seen["radius"], [0.3, 0.45, 0.42, 0.15], atol=1e-6)
    np.testing.assert_allclose(found.seen["next_radius"], [0.25, 0.45, 0.47, 0.1], atol=1e-6)
    np.testing.assert_allclose(tf.reshape(found.image, [-1]), [0.2, 0.05, 0.08, 0.35], atol=1e-6)
    assert found.num_gradients.numpy().tolist() == [1, 2, 3, 1]


def test_no_radius_is_larger_than_the_largest_or_less_than_none():
    settings = {"epsilon": 0.2, "step_size": 0.4, "num_steps": 1, "change": 0.1, "rate": 1.0}
    attack = AdaptiveRadius(**settings, most=0.25)
    image, radius = tf.fill([2, 1, 1, 1], 0.9), tf.constant([0.2, 0.05])
    found = attack(Shifted(), image, [1, 0], context={"radius": radius})
    np.testing.assert_allclose(found.seen["next_radius"], [0.25, 0.0], atol=1e-7)


@pytest.mark.parametrize(
    ("wrong", "rule", "received"),
    [
        ({"change": -0.1}, "change must lie in its range [0, inf)", "change=-0.1"),
        ({"rate": 0.0}, "rate must lie in its range (0, 1]", "rate=0.0"),
        ({"most_epsilon": 0.1}, "most must lie in its range", "most=0.1"),
        ({"num_examples": None}, "how many examples", "num_examples=None"),
    ],
)
def test_mistakes(wrong, rule, received):
    refused(lambda: iat(**wrong), rule=rule, right="", received=received)
