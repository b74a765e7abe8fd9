"""The climb: against plain PGD written apart, its cost, its limits, and what it must not touch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.attacks import PGD, Mixed, fosc, fosc_above
from fosc_tf.attacks import ball as balls
from tests.attacks.toys import (
    Counted,
    Linear,
    assert_same,
    images,
    labels,
    loss_and_gradient,
    mlp,
    snapshot,
    with_batch_norm_and_dropout,
)

BATCH = 24
IMAGE, LABEL = images(BATCH), labels(BATCH)
BALLS = {
    "linf": {"norm": "linf", "epsilon": 0.3, "step_size": 0.075},
    "l2": {"norm": "l2", "epsilon": 1.0, "step_size": 0.25},
    "l1": {"norm": "l1", "epsilon": 3.0, "step_size": 0.75},
}

# At this one examples of the network below freeze after 1, 3, 4, 5, 6 and 7 steps.
THRESHOLD = 0.7


@pytest.fixture(scope="module")
def network():
    return mlp(gain=1.5)


@tf.function(autograph=False)
def plain_pgd(network, image, label, seed, norm, epsilon, step_size, num_steps):
    """Madry et al.'s PGD as a loop of its own, sharing only the random start with the core."""
    noise = tf.random.stateless_uniform([BATCH, 16], seed, minval=-1.0, maxval=1.0)
    x = tf.clip_by_value(image + epsilon * tf.reshape(noise, image.shape), 0.0, 1.0)
    if norm == "l2":
        x = balls.L2().project(
            image + tf.reshape(balls.L2().uniform(noise.shape, seed, epsilon), image.shape),
            image,
            epsilon,
        )
    for _ in range(num_steps):
        with tf.GradientTape() as tape:
            tape.watch(x)
            logits = network(x, training=False)
            loss = tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits))
        gradient = tape.gradient(loss, x)
        if norm == "linf":
            x = x + step_size * tf.sign(gradient)
            x = tf.clip_by_value(x, image - epsilon, image + epsilon)
        else:
            length = tf.sqrt(tf.reduce_sum(gradient**2, axis=[1, 2, 3], keepdims=True))
            offset = x + step_size * gradient / length - image
            length = tf.sqrt(tf.reduce_sum(offset**2, axis=[1, 2, 3], keepdims=True))
            x = image + offset * tf.minimum(1.0, epsilon / length)
        x = tf.clip_by_value(x, 0.0, 1.0)
    return x


@pytest.mark.parametrize("gate", [None, fosc_above(-np.inf)], ids=["ungated", "never stops"])
def test_equals_plain_pgd_to_the_bit(network, gate):
    found = PGD(**BALLS["linf"], num_steps=10, gate=gate)(network, IMAGE, LABEL, seed=5, step=3)
    seed = tf.constant([5, 3], tf.int64)
    plain = plain_pgd(network, tf.constant(IMAGE), LABEL, seed, num_steps=10, **BALLS["linf"])
    np.testing.assert_array_equal(found.image, plain)
    np.testing.assert_array_equal(found.num_gradients, [10] * BATCH)


def test_l2_equals_plain_pgd(network):
    found = PGD(**BALLS["l2"], num_steps=5)(network, IMAGE, LABEL, seed=5, step=3)
    seed = tf.constant([5, 3], tf.int64)
    plain = plain_pgd(network, tf.constant(IMAGE), LABEL, seed, num_steps=5, **BALLS["l2"])
    np.testing.assert_allclose(found.image, plain, atol=1e-4)


@pytest.mark.parametrize("norm", BALLS)
def test_a_gate_that_stops_nobody_changes_nothing(network, norm):
    ungated, gated = (
        PGD(**BALLS[norm], num_steps=5, gate=gate)(network, IMAGE, LABEL, final_fosc=True)
        for gate in (None, fosc_above(-np.inf))
    )
    for one, other in zip(ungated[:5], gated[:5], strict=True):
        if norm == "l1":
            # Here TensorFlow divides by known shapes, there it multiplies by their inverse.
            np.testing.assert_allclose(one, other, atol=1e-5)
        else:
            np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(gated.num_gradients, [6] * BATCH)


@pytest.fixture(scope="module")
def frames(network):
    """What a gated attack has found after 1, 2, ..., 8 steps."""
    num_steps = tf.Variable(0)
    attack = PGD(
        **BALLS["linf"],
        num_steps=lambda _: num_steps.read_value(),
        gate=fosc_above(THRESHOLD),
    )
    found = []
    for steps in range(1, 9):
        num_steps.assign(steps)
        found.append(attack(network, IMAGE, LABEL, seed=1))
    return found


def test_a_frozen_example_never_moves_again(frames):
    gradients = frames[-1].num_gradients.numpy()
    assert len(set(gradients)) > 3  # they freeze at different steps
    for example in range(BATCH):
        # After j steps and j + 1 gradients the gate stopped it, if it stopped it at all.
        frozen_after = gradients[example] - 1
        path = np.array([frame.image[example] for frame in frames])
        for earlier, later in zip(range(1, 8), range(2, 9), strict=True):
            moved = np.any(path[earlier - 1] != path[later - 1])
            still_climbing = later <= frozen_after or np.isnan(frames[-1].fosc[example])
            assert moved == still_climbing


def test_what_is_known_of_a_frozen_example_stays(frames):
    frozen = np.isfinite(frames[-2].fosc)
    assert 0 < frozen.sum() < BATCH
    for one, other in zip(frames[-2][:5], frames[-1][:5], strict=True):
        np.testing.assert_array_equal(one.numpy()[frozen], other.numpy()[frozen])


@pytest.mark.parametrize("final_fosc", [False, True])
def test_known_fosc_and_loss_are_those_at_the_returned_image(network, final_fosc):
    attack = PGD(**BALLS["linf"], num_steps=4, gate=fosc_above(THRESHOLD))
    found = attack(network, IMAGE, LABEL, final_fosc=final_fosc)
    loss, gradient = loss_and_gradient(network, found.image, LABEL)
    known = np.isfinite(found.fosc)
    assert known.all() == final_fosc
    np.testing.assert_array_equal(known, np.isfinite(found.loss))
    right = fosc(found.image, IMAGE, gradient, epsilon=0.3).numpy()
    np.testing.assert_allclose(found.fosc.numpy()[known], right[known], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(found.loss.numpy()[known], loss[known], rtol=1e-5)
    ungated = PGD(**BALLS["linf"], num_steps=4)(network, IMAGE, LABEL)
    assert np.all(np.isnan(ungated.fosc))


@pytest.mark.parametrize("final_fosc", [False, True])
@pytest.mark.parametrize(
    "attack",
    [
        PGD(**BALLS["linf"], num_steps=8, gate=fosc_above(THRESHOLD)),
        PGD(**BALLS["linf"], num_steps=8, gate=fosc_above(np.inf)),
        PGD(**BALLS["linf"], num_steps=3),
        PGD(**BALLS["linf"], num_steps=Mixed(3)),
    ],
    ids=["some freeze", "all freeze", "plain", "mixed"],
)
def test_frozen_examples_really_leave_the_batch(network, attack, final_fosc):
    """The network itself sees as many images as the examples were charged gradients."""
    counted = Counted(network)

    @tf.function(autograph=False)
    def run(image, label):
        return attack(counted, image, label, final_fosc=final_fosc).num_gradients

    spent = run(tf.constant(IMAGE), tf.constant(LABEL)).numpy()
    assert counted.images.numpy() == spent.sum()
    assert spent.sum() < (8 + final_fosc) * BATCH


def test_one_trace_serves_all_patterns_of_freezing(network):
    counted = Counted(network)
    threshold = tf.Variable(0.0)
    attack = PGD(**BALLS["linf"], num_steps=6, gate=fosc_above(lambda _: threshold.read_value()))

    @tf.function(autograph=False)
    def run(image, label, seed, final_fosc):
        return attack(counted, image, label, seed=seed, final_fosc=final_fosc).num_gradients

    spent, calls = set(), set()
    for seed, value in enumerate((0.0, 0.5, 1.0, 2.0, np.inf)):
        threshold.assign(value)
        final = tf.constant(seed % 2 == 0)
        image, label = tf.constant(images(BATCH, seed=seed)), tf.constant(labels(BATCH, seed=seed))
        spent.add(int(tf.reduce_sum(run(image, label, tf.constant(seed, tf.int64), final))))
        calls.add(counted.calls)
    assert len(spent) == 5
    assert len(calls) == 1


def test_called_eagerly_it_compiles_once_for_all_seeds_steps_and_patterns(network):
    counted = Counted(network)
    attack = PGD(**BALLS["linf"], num_steps=4, gate=fosc_above(THRESHOLD))
    attack(counted, IMAGE, LABEL)
    traced = counted.calls
    for seed in range(1, 4):
        final_fosc = bool(seed % 2)
        attack(counted, images(BATCH, seed=seed), LABEL, seed=seed, step=9, final_fosc=final_fosc)
    assert counted.calls == traced


@pytest.mark.parametrize("norm", BALLS)
def test_every_image_is_in_the_ball_and_in_pixel_range(network, norm):
    attack = PGD(**BALLS[norm], num_steps=6, gate=fosc_above(0.2))
    for seed in range(4):
        image = np.clip(images(BATCH, seed=seed) * 1.6 - 0.3, 0, 1)  # many pixels on their limits
        assert_climbed_inside(network, attack, image, seed)


def assert_climbed_inside(network, attack, image, seed):
    found = attack(network, image, LABEL, seed=seed).image
    assert np.all((found >= 0) & (found <= 1))
    distance = balls.get(attack.norm).distance(found, image).numpy()
    assert np.all(distance <= attack.epsilon * (1 + 1e-5))
    assert distance.max() > 0.5 * attack.epsilon
    loss, _ = loss_and_gradient(network, found, LABEL)
    clean_loss, _ = loss_and_gradient(network, image, LABEL)
    assert loss.mean() > clean_loss.mean() + 0.3


@pytest.fixture(scope="module")
def moody():
    """A network that would change, and answer otherwise, in training mode."""
    return with_batch_norm_and_dropout()


@pytest.mark.parametrize("gate", [None, fosc_above(0.1)], ids=["ungated", "gated"])
def test_an_attack_leaves_every_variable_bit_identical(moody, gate):
    before = snapshot(moody)
    attack = PGD(**BALLS["linf"], num_steps=3, gate=gate)
    first = attack(moody, IMAGE, LABEL, final_fosc=True)
    assert_same(before, snapshot(moody))
    # Dropout is off too: the same seed finds the same image.
    assert_same(first, attack(moody, IMAGE, LABEL, final_fosc=True))
    moody(IMAGE, training=True)
    assert any(np.any(a != b) for a, b in zip(before, snapshot(moody), strict=True))


def test_seeds_and_steps_find_other_images(network):
    attack = PGD(**BALLS["linf"], num_steps=1)
    found = [
        attack(network, IMAGE, LABEL, seed=seed, step=step).image.numpy()
        for seed, step in ((0, 0), (1, 0), (0, 1), (0, 0))
    ]
    np.testing.assert_array_equal(found[0], found[3])
    assert not any(np.array_equal(found[0], other) for other in found[1:3])


def test_epsilon_and_step_size_may_be_schedules(network):
    rising = PGD(
        epsilon=lambda step: 0.1 * tf.cast(step, tf.float32),
        step_size=lambda step: 0.025 * tf.cast(step, tf.float32),
        num_steps=3,
    )
    fixed = PGD(epsilon=0.2, step_size=0.05, num_steps=3)
    found = rising(network, IMAGE, LABEL, step=2).image
    np.testing.assert_allclose(found, fixed(network, IMAGE, LABEL, step=2).image, atol=1e-6)


def test_linear_loss_reaches_the_corner_of_the_ball():
    """f(x) = w.x: the maximum over the ball is w.x0 + eps * ||w||_1, found with c = 0."""
    weight = np.linspace(-1, 1, 16).astype("float32")
    middle = np.full((4, 4, 4, 1), 0.5, "float32")
    attack = PGD(epsilon=0.3, step_size=0.1, num_steps=6, loss="margin")
    found = attack(Linear(weight), middle, np.zeros(4, "int32"), final_fosc=True)
    np.testing.assert_allclose(found.fosc, np.zeros(4), atol=1e-5)
    best = 0.5 * weight.sum() + 0.3 * np.abs(weight).sum()
    np.testing.assert_allclose(found.loss, [best] * 4, rtol=1e-5)


def test_gradients_and_fosc_are_float32_under_mixed_precision():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = mlp()
    finally:
        keras.config.set_dtype_policy(policy)
    assert network(IMAGE).dtype == tf.bfloat16
    seen = {}

    def gate(point, step):
        del step
        seen.update({name: getattr(point, name).dtype for name in point._fields})
        return point.fosc > 0.01

    attack = PGD(**BALLS["linf"], num_steps=3, gate=gate)
    found = attack(network, IMAGE, LABEL, final_fosc=True)
    label_dtype = seen.pop("label")
    assert label_dtype == tf.int32
    assert set(seen.values()) == {tf.float32}
    assert found.image.dtype == found.fosc.dtype == found.loss.dtype == tf.float32
    full = mlp()
    full.set_weights(network.get_weights())
    _, gradient = loss_and_gradient(full, found.image, LABEL)
    right = fosc(found.image, IMAGE, gradient, epsilon=0.3)
    np.testing.assert_allclose(found.fosc, right, atol=0.03)


def test_the_last_batch_may_be_smaller(network):
    attack = PGD(**BALLS["linf"], num_steps=2, start="clean")
    whole = attack(network, IMAGE, LABEL).image
    for size in (7, 1):
        part = attack(network, IMAGE[:size], LABEL[:size]).image
        np.testing.assert_allclose(part, whole[:size], atol=1e-6)


def test_a_record_names_the_parts():
    attack = PGD(epsilon=0.3, step_size=0.075, num_steps=10, loss="cw", gate=fosc_above(0.2))
    record = attack.parameters()
    assert record["epsilon"] == 0.3
    assert record["num_steps"] == 10
    assert (record["start"], record["loss"], record["norm"]) == ("uniform", "cw", "linf")
    assert "0.2" in record["gate"]


def test_a_schedule_of_steps_without_a_gate_lets_everyone_climb_alike():
    """Step 0 leaves images clean, step 2 is PGD-2; no example leaves the batch."""
    network, image, label = mlp(), images(6), labels(6)
    arguments = {"epsilon": 0.3, "step_size": 0.1}
    attack = PGD(num_steps=lambda step: tf.cast(step, tf.int32), **arguments)
    assert attack.traits.fixed_shapes
    clean = attack(network, image, label, step=0, final_fosc=True)
    np.testing.assert_array_equal(clean.image, image)
    np.testing.assert_array_equal(clean.num_gradients, np.zeros(6))
    found, plain = (
        each(network, image, label, step=2) for each in (attack, PGD(num_steps=2, **arguments))
    )
    np.testing.assert_array_equal(found.image, plain.image)
    np.testing.assert_array_equal(found.num_gradients, np.full(6, 2))
