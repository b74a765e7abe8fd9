"""What belongs to an example and leaves the batch with it, against loops written out."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.attacks import PGD, Friendly, Gate, Momentum, ball, fosc, fosc_above, starts
from fosc_tf.types import Batch, PerExample
from tests.attacks.toys import images, labels, mlp

NUMBER, EPSILON, STEP = 24, 0.3, 0.05
IMAGE, LABEL = images(NUMBER), labels(NUMBER)
ID = np.arange(NUMBER, dtype="int64")[::-1].copy()


@pytest.fixture(scope="module")
def network():
    return mlp(gain=4.0)


def gradient_of(network, x, loss):
    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = network(x, training=False)
        value = loss(logits)
    return tape.gradient(value, x), value, logits


def kl(clean):
    """KL(p || q) written out."""
    p = tf.nn.softmax(clean)
    return lambda logits: tf.reduce_sum(
        p * (tf.nn.log_softmax(clean) - tf.nn.log_softmax(logits)), axis=1
    )


def nearby(x, epsilon=EPSILON):
    return tf.clip_by_value(tf.clip_by_value(x, IMAGE - epsilon, IMAGE + epsilon), 0.0, 1.0)


# TRADES: the target is what the network says clean.


def test_inner_maximisation_of_trades(network):
    attack = PGD(
        epsilon=EPSILON,
        step_size=STEP,
        num_steps=6,
        start=starts.get("normal"),
        loss="kl_divergence",
        target="clean_probabilities",
    )
    found = attack(network, IMAGE, LABEL, seed=3, step=1, final_fosc=True)
    noise = tf.random.stateless_normal([NUMBER, 16], [3, 1])
    x = nearby(IMAGE + 0.001 * tf.reshape(noise, IMAGE.shape))
    loss = kl(network(IMAGE))
    for _ in range(6):
        gradient, _, _ = gradient_of(network, x, loss)
        x = nearby(x + STEP * tf.sign(gradient))
    np.testing.assert_allclose(found.image, x, atol=1e-6)
    np.testing.assert_allclose(found.loss, gradient_of(network, x, loss)[1], atol=1e-5)


def test_inner_maximisation_of_trades_behind_a_gate(network):
    arguments = {"epsilon": EPSILON, "step_size": STEP, "start": "uniform"}
    arguments |= {"loss": "kl_divergence", "target": "clean_probabilities"}
    loss = kl(network(IMAGE))
    path, criteria = [], []
    for steps in range(1, 7):
        x = PGD(num_steps=steps, **arguments)(network, IMAGE, LABEL, seed=2).image
        gradient, _, _ = gradient_of(network, x, loss)
        path.append(x.numpy())
        criteria.append(fosc(x, IMAGE, gradient, epsilon=EPSILON).numpy())
    threshold = float(np.median(criteria))
    assert np.abs(np.array(criteria) - threshold).min() > 1e-6  # no decision hangs on rounding
    stops = np.array(criteria[:-1]) <= threshold
    last = np.where(stops.any(axis=0), stops.argmax(axis=0), 5)
    assert len(set(last)) > 2
    gated = PGD(num_steps=6, gate=fosc_above(threshold), **arguments)
    found = gated(network, IMAGE, LABEL, seed=2)
    np.testing.assert_allclose(found.image, np.array(path)[last, np.arange(NUMBER)], atol=1e-6)
    np.testing.assert_array_equal(found.stopped, stops.any(axis=0))
    np.testing.assert_array_equal(found.num_gradients, np.where(found.stopped, last + 2, 6))


# FAT: a gate with a memory that is asked before the first step.


@pytest.mark.parametrize("tau", [0, 1, 2])
def test_friendly_training_stops_as_its_authors_loop_does(network, tau):
    attack = PGD(epsilon=EPSILON, step_size=STEP, num_steps=8, gate=Friendly(tau))
    found = attack(network, IMAGE, LABEL, seed=4, step=2)
    batch = Batch(tf.constant(IMAGE), tf.constant(LABEL), {})
    seed = tf.constant([4, 2], tf.int64)
    start = starts.uniform(batch, ball.get("linf"), tf.constant(EPSILON), seed, seed[1])
    images_out, gradients = [], []
    for index in range(NUMBER):
        x, left, spent = start[index : index + 1], tf.constant([tau]), 0
        for _ in range(8):
            spent += 1
            right = int(np.argmax(network(x))) == LABEL[index]
            if not right and int(left[0]) == 0:
                break
            left = left if right else left - 1
            gradient, _, _ = gradient_of(
                network,
                x,
                lambda logits, index=index: tf.nn.sparse_softmax_cross_entropy_with_logits(
                    LABEL[index : index + 1], logits
                ),
            )
            x = x + STEP * tf.sign(gradient)
            clean = IMAGE[index : index + 1]
            x = tf.clip_by_value(tf.clip_by_value(x, clean - EPSILON, clean + EPSILON), 0.0, 1.0)
        images_out.append(x[0])
        gradients.append(spent)
    np.testing.assert_allclose(found.image, np.stack(images_out), atol=1e-6)
    # A stopped example has one gradient more than steps, as its last look was at a new point.
    np.testing.assert_array_equal(found.num_gradients, gradients)
    assert len(set(gradients)) > 2


class CountsTo(Gate):
    """Stops each example after as many looks as its context says; the memory is what is left."""

    least_steps = 0

    def begin(self, batch):
        return {"left": batch.context["looks"]}

    def __call__(self, point, step, memory):
        del step
        left = memory["left"] - 1
        return left > 0, {"left": left}


def test_memory_of_a_gate_leaves_with_its_example(network):
    """With looks 1, 2, 3, 1, 2, 3, ... steps are 0, 1, 2, 0, 1, 2, ..., whoever leaves before."""
    looks = np.arange(NUMBER) % 5 + 1
    attack = PGD(epsilon=EPSILON, step_size=STEP, num_steps=4, start="clean", gate=CountsTo())
    found = attack(network, IMAGE, LABEL, context={"looks": looks.astype("int32")})
    steps = np.minimum(looks - 1, 4)
    for number in range(5):
        own = steps == number
        if number:
            plain = PGD(epsilon=EPSILON, step_size=STEP, num_steps=number, start="clean")
            expected = plain(network, IMAGE, LABEL).image.numpy()
        else:
            expected = IMAGE
        np.testing.assert_allclose(found.image.numpy()[own], expected[own], atol=1e-6)
    np.testing.assert_array_equal(found.stopped, looks <= 4)
    np.testing.assert_array_equal(found.num_gradients, np.minimum(looks, 4))


# Numbers of each example


@pytest.mark.parametrize("gate", [None, fosc_above(0.2)])
def test_step_sizes_by_id(network, gate):
    sizes = np.linspace(0.01, 0.1, NUMBER).astype("float32")
    own = PerExample(lambda step, batch: tf.gather(sizes, batch.context["id"]))
    attack = PGD(epsilon=EPSILON, step_size=own, num_steps=5, gate=gate, start="clean")
    found = attack(network, IMAGE, LABEL, context={"id": ID})
    for index in range(0, NUMBER, 5):
        row = slice(index, index + 1)
        size = float(sizes[ID[index]])
        alone = PGD(epsilon=EPSILON, step_size=size, num_steps=5, gate=gate, start="clean")
        one = alone(network, IMAGE[row], LABEL[row])
        np.testing.assert_allclose(found.image[row], one.image, atol=1e-6)
        assert found.num_gradients[index] == one.num_gradients[0]


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_radii_by_id(network, norm):
    scale = {"linf": 0.1, "l2": 0.4, "l1": 1.0}[norm]
    radii = (scale * np.linspace(0.5, 2.0, NUMBER)).astype("float32")
    own = PerExample(lambda step, batch: tf.gather(radii, batch.context["id"]))
    attack = PGD(epsilon=own, step_size=scale / 4, num_steps=4, norm=norm, start="clean")
    found = attack(network, IMAGE, LABEL, context={"id": ID}, final_fosc=True)
    for index in range(0, NUMBER, 5):
        row, radius = slice(index, index + 1), float(radii[ID[index]])
        alone = PGD(epsilon=radius, step_size=scale / 4, num_steps=4, norm=norm, start="clean")
        one = alone(network, IMAGE[row], LABEL[row], final_fosc=True)
        np.testing.assert_allclose(found.image[row], one.image, atol=1e-5)
        np.testing.assert_allclose(found.fosc[row], one.fosc, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
@pytest.mark.parametrize("feasible", ["ball", "box"])
def test_geometry_of_a_radius_for_each_example(norm, feasible):
    random = np.random.default_rng(0)
    gradient = random.normal(size=IMAGE.shape).astype("float32")
    radii = np.linspace(0.1, 0.5, NUMBER).astype("float32")
    geometry, seed = ball.get(norm), tf.constant([1, 2], tf.int64)
    far = np.clip(IMAGE + random.normal(size=IMAGE.shape), 0, 1).astype("float32")
    near = geometry.project(tf.constant(far), tf.constant(IMAGE), tf.constant(radii))
    found = fosc(near, IMAGE, gradient, epsilon=radii, norm=norm, feasible=feasible)
    points = geometry.uniform(tf.constant([NUMBER, 16]), seed, tf.constant(radii))
    for index in range(NUMBER):
        row, radius = slice(index, index + 1), float(radii[index])
        alone = geometry.project(tf.constant(far[row]), tf.constant(IMAGE[row]), radius)
        np.testing.assert_allclose(near[row], alone, atol=1e-6)
        one = fosc(alone, IMAGE[row], gradient[row], epsilon=radius, norm=norm, feasible=feasible)
        np.testing.assert_allclose(found[row], one, rtol=1e-4, atol=1e-5)
        whole = geometry.uniform(tf.constant([NUMBER, 16]), seed, radius)
        np.testing.assert_allclose(points[index], whole[index], rtol=1e-5)


def test_uniform_starts_with_radii_lie_in_their_own_balls(network):
    radii = np.linspace(0.02, 0.3, NUMBER).astype("float32")
    own = PerExample(lambda step, batch: tf.constant(radii))
    attack = PGD(epsilon=own, step_size=0.01, num_steps=1)
    found = attack(network, IMAGE, LABEL, seed=1)
    away = np.abs(found.image.numpy() - IMAGE).max(axis=(1, 2, 3))
    assert np.all(away <= radii + 1e-6)
    assert np.all(away > radii / 3)


# What is seen at the start, and the step rule


@pytest.mark.parametrize("gate", [None, Friendly(0)])
def test_watch_tells_of_the_first_gradient(network, gate):
    def length(point):
        return tf.norm(tf.reshape(point.gradient, [tf.shape(point.image)[0], -1]), axis=1)

    attack = PGD(
        epsilon=EPSILON,
        step_size=STEP,
        num_steps=3,
        start="clean",
        gate=gate,
        watch={"length": length, "gradient": lambda point: point.gradient},
    )
    found = attack(network, IMAGE, LABEL)
    gradient, _, _ = gradient_of(
        network,
        IMAGE,
        lambda logits: tf.nn.sparse_softmax_cross_entropy_with_logits(LABEL, logits),
    )
    expected = np.sqrt((gradient.numpy() ** 2).sum(axis=(1, 2, 3)))
    np.testing.assert_allclose(found.seen["length"], expected, rtol=1e-5)
    np.testing.assert_allclose(found.seen["gradient"], gradient, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("gate", [None, fosc_above(-np.inf)])
@pytest.mark.parametrize("decay", [0.0, 0.5, 1.0])
def test_momentum_is_that_of_mi_fgsm(network, decay, gate):
    attack = PGD(
        epsilon=EPSILON,
        step_size=STEP,
        num_steps=6,
        start="clean",
        rule=Momentum(decay),
        gate=gate,
    )
    found = attack(network, IMAGE, LABEL)
    x, g = tf.constant(IMAGE), np.zeros_like(IMAGE)
    for _ in range(6):
        gradient, _, _ = gradient_of(
            network,
            x,
            lambda logits: tf.nn.sparse_softmax_cross_entropy_with_logits(LABEL, logits),
        )
        gradient = gradient.numpy()
        g = decay * g + gradient / np.abs(gradient).sum(axis=(1, 2, 3), keepdims=True)
        x = nearby(x + STEP * np.sign(g))
    np.testing.assert_allclose(found.image, x, atol=1e-6)
    plain = PGD(epsilon=EPSILON, step_size=STEP, num_steps=6, start="clean")
    same = np.allclose(found.image, plain(network, IMAGE, LABEL).image, atol=1e-6)
    assert same == (decay == 0.0)


def test_a_memory_of_steps_leaves_with_its_example(network):
    """Behind a gate that removes half, momentum is what it is for each example alone."""
    arguments = {"epsilon": EPSILON, "step_size": STEP, "num_steps": 5, "start": "clean"}
    arguments |= {"rule": "momentum", "gate": Friendly(1)}
    found = PGD(**arguments)(network, IMAGE, LABEL)
    assert len(set(found.num_gradients.numpy().tolist())) > 2
    for index in range(NUMBER):
        row = slice(index, index + 1)
        one = PGD(**arguments)(network, IMAGE[row], LABEL[row])
        np.testing.assert_allclose(found.image[row], one.image, atol=1e-6)
