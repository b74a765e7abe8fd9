"""AdvIBP: its weights are Algorithm 1, its training the loop written out; both losses descend."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import defenses
from fosc_tf.bounds.latent import LatentFgsm
from fosc_tf.training import WeightPerturbation
from fosc_tf.training.gradient_mixing import Moments, weights
from tests.attacks.toys import assert_same, loss_and_gradient
from tests.data.three_parts import refused
from tests.defenses import plain_bounds as plain
from tests.defenses import slow_training as training
from tests.defenses.by_hand import IMAGE, LABEL, RATE, SEED, SIZE, STEPS
from tests.defenses.plain_bounds import box, intervals, layers_of, relus

EPSILON, EPOCHS, CONTROL = 0.1, 6, 2
SETTINGS = {"epsilon": EPSILON, "clean_epochs": 1, "attacked_epochs": 1, "ramp_epochs": 2}
BEGIN, END = 2, 4


def moments_of(m_1, m_2, v_1, v_2, known=True):
    products = [np.dot(m_1, m_1), np.dot(m_1, m_2), np.dot(m_2, m_2)]
    products = [tf.constant(each, tf.float32) for each in products]
    norms = tf.constant(v_1, tf.float32), tf.constant(v_2, tf.float32)
    return Moments(*products, norms, tf.constant(known))


def algorithm_1(m_1, m_2, v_1, v_2, is_strong):
    """Returns kappa_adv, kappa_IBP and kappa_reg, lines 12 to 22."""
    product = np.dot(m_1, m_2)
    if product > 0:
        along = m_1 / v_1 + m_2 / v_2
        gamma = 0.5 * np.dot(m_1 + m_2, along) / np.dot(along, along)
        return gamma / v_1, gamma / v_2, 0.0
    if is_strong:
        return 1.0, -product / v_2**2, 0.0
    return -product / v_1**2, 1.0, 0.5


def test_weights_are_those_of_algorithm_1():
    random, agreed = np.random.default_rng(0), []
    for _ in range(60):
        m_1, m_2 = random.normal(size=(2, 5)) * 10.0 ** random.uniform(-3, 3, size=(2, 1))
        v_1, v_2 = (np.linalg.norm(m) * random.uniform(1, 3) for m in (m_1, m_2))
        for is_strong in (True, False):
            found = weights(moments_of(m_1, m_2, v_1, v_2), tf.constant(is_strong))
            expected = algorithm_1(m_1, m_2, v_1, v_2, is_strong)
            np.testing.assert_allclose(found[:3], expected, rtol=1e-4)
            assert found.agree == float(np.dot(m_1, m_2) > 0)
        agreed.append(float(found.agree))
    assert 10 < sum(agreed) < 50


def test_weights_by_hand():
    """At a right angle, and where both are one: a half of each, so that the step is their mean."""
    right = moments_of(np.array([2.0, 0.0]), np.array([0.0, 3.0]), 2.0, 3.0)
    np.testing.assert_allclose(weights(right, tf.constant(True))[:3], [1.0, 0.0, 0.0], atol=1e-7)
    np.testing.assert_allclose(weights(right, tf.constant(False))[:3], [0.0, 1.0, 0.5], atol=1e-7)
    same = moments_of(np.array([2.0, 0.0]), np.array([2.0, 0.0]), 2.0, 2.0)
    np.testing.assert_allclose(weights(same, tf.constant(True))[:3], [0.5, 0.5, 0.0], rtol=1e-6)


@pytest.mark.parametrize("is_strong", [True, False])
def test_before_any_batch_both_count_a_half(is_strong):
    nothing = moments_of(np.zeros(2), np.zeros(2), 0.0, 0.0, known=False)
    found = weights(nothing, tf.constant(is_strong))
    np.testing.assert_array_equal(found, [0.5, 0.5, 0.0, 0.0, 0.0])


@pytest.mark.parametrize("is_strong", [True, False])
@pytest.mark.parametrize("zero", [(0,), (1,), (0, 1)])
def test_gradients_that_vanish_leave_finite_weights(zero, is_strong):
    means = [np.zeros(2) if number in zero else np.ones(2) for number in range(2)]
    norms = [float(np.linalg.norm(each)) for each in means]
    assert np.isfinite(weights(moments_of(*means, *norms), tf.constant(is_strong))).all()


class Average:
    """Moving averages of the gradients before, corrected for the zeros that they began with."""

    def __init__(self, beta_1, beta_2):
        self.beta, self.count = (beta_1, beta_2), 0
        self.mean, self.norm = [0.0, 0.0], [0.0, 0.0]

    def corrected(self):
        m = [each / (1 - self.beta[0] ** self.count) for each in self.mean]
        v = [each / (1 - self.beta[1] ** self.count) for each in self.norm]
        return *m, *v

    def learn(self, gradients):
        self.count += 1
        for number, gradient in enumerate(gradients):
            one, two = self.beta
            self.mean[number] = one * self.mean[number] + (1 - one) * gradient
            self.norm[number] = two * self.norm[number] + (1 - two) * np.linalg.norm(gradient)


def test_two_quadratics_descend_until_no_direction_lowers_both():
    """Their best compromises lie on the curve where the gradients are opposite."""
    curved = [np.array([1.0, 4.0]), np.array([3.0, 1.0])]
    centres = [np.array([1.0, 0.0]), np.array([-1.0, 0.5])]
    w, known, losses = np.array([2.0, 3.0]), Average(0.5, 0.5), []
    for _ in range(400):
        apart = [w - centre for centre in centres]
        losses.append([0.5 * np.sum(c * a * a) for c, a in zip(curved, apart, strict=True)])
        g = [c * a for c, a in zip(curved, apart, strict=True)]
        if np.dot(g[0], g[1]) / (np.linalg.norm(g[0]) * np.linalg.norm(g[1])) < -0.99:
            break
        past = known.corrected() if known.count else (np.zeros(2), np.zeros(2), 0.0, 0.0)
        kappa = weights(moments_of(*past, known=known.count > 0), tf.constant(True))
        w = w - 0.02 * (float(kappa.adversarial) * g[0] + float(kappa.certified) * g[1])
        known.learn(g)
    else:
        pytest.fail(f"no compromise found, at {w}")
    losses = np.array(losses)
    assert len(losses) > 20
    assert (losses[-1] < 0.3 * losses[0]).all()


def ramp(step):
    return plain.smooth(step, EPSILON, BEGIN * STEPS, (END - BEGIN) * STEPS)


def flat_gradient(network, loss):
    with tf.GradientTape() as tape:
        value = loss()
    found = tape.gradient(value, network.trainable_variables)
    return float(value), np.concatenate([np.ravel(each) for each in found])


def descend(network, move):
    places = np.cumsum([np.size(w) for w in network.get_weights()])[:-1]
    parts = zip(network.trainable_variables, np.split(RATE * move, places), strict=True)
    for variable, part in parts:
        variable.assign_sub(part.reshape(variable.shape))


def slow(network, c_max, fosc_of, beta=(0.9, 0.99), l1=0.0, fixed=0.0, by_lines=False):
    """Trains; returns who led at each batch of the last phase, and FOSC over c_t."""
    known, led, near = Average(*beta), [], []
    for step in range(EPOCHS * STEPS):
        rows = slice(SIZE * (step % STEPS), SIZE * (step % STEPS) + SIZE)
        image, label, epoch = IMAGE[rows], LABEL[rows], step // STEPS
        radius = np.float32(EPSILON if epoch < BEGIN else ramp(step))
        start = training.uniform(image, step, radius)
        _, gradient = loss_and_gradient(network, start, label)
        x = training.projected(start + 1.25 * radius * np.sign(gradient), image, radius)
        x = image if epoch < 1 else x

        def adversarial(x=x, label=label):
            layers = layers_of(network, x)
            return plain.nats(label, plain.logits(layers, x))

        def certified(image=image, label=label, step=step):
            layers = layers_of(network, image)
            ends = intervals(layers, *box(image, ramp(step)))
            if by_lines:
                robust = plain.fused(layers, ends, label, 1.0 - ramp(step) / EPSILON)
            else:
                robust = plain.robust(plain.interval_margins(layers, ends, label))
            return robust + l1 * plain.magnitudes(network)

        _, g_1 = flat_gradient(network, adversarial)
        if epoch < BEGIN:
            descend(network, g_1)
            continue
        bound, g_2 = flat_gradient(network, certified)
        if fixed:
            descend(network, g_1 + fixed * g_2)
            continue
        _, slope = loss_and_gradient(network, x, label)
        fosc = radius * np.abs(slope).sum((1, 2, 3)) - ((x - image) * slope).sum((1, 2, 3))
        fosc = fosc.mean() / (SIZE if fosc_of == "batch" else 1)
        c_t = np.clip(c_max - (epoch - END) * c_max / CONTROL, 0, c_max)
        near.append(abs(fosc - c_t) / max(fosc, c_t))
        kappa = (0.5, 0.5, 0.0)
        if known.count:
            kappa = algorithm_1(*known.corrected(), fosc <= c_t)
            led.append("both" if 0 < kappa[0] != 1 and not kappa[2] else str(kappa[2]))
        descend(network, kappa[0] * g_1 + (kappa[1] + 2 * kappa[2] * bound) * g_2)
        known.learn((g_1, g_2))
    return led, near


def fast(network, **arguments):
    defense = defenses.get("adv_ibp", **SETTINGS | arguments)
    trainer = defense.trainer(network, defense, seed=SEED, fosc_every=0)
    trainer.compile(optimizer=keras.optimizers.SGD(RATE))
    data = tf.data.Dataset.from_tensor_slices((IMAGE, LABEL)).batch(SIZE)
    return trainer.fit(data, epochs=EPOCHS, verbose=0).history


def assert_near(one, other, atol=1e-5):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=atol)


@pytest.mark.parametrize(
    ("arguments", "cases"),
    [
        ({"beta_1": 0.3, "beta_2": 0.5, "c_max": 6.5e-4}, {"both", "0.0", "0.5"}),
        (
            {"beta_1": 0.3, "beta_2": 0.5, "c_max": 5.2e-3, "fosc_of": "example"},
            {"both", "0.0", "0.5"},
        ),
        ({"beta_1": 0.0, "beta_2": 0.0, "c_max": 6.5e-4, "l1": 1e-3}, {"both", "0.0", "0.5"}),
        ({"c_max": 5e-4}, {"both", "0.0"}),
        ({"c_max": 5e-4, "bound": "crown-ibp"}, {"both"}),
    ],
)
def test_trains_what_a_loop_written_out_trains(arguments, cases):
    network, other = relus(), relus()
    logs = fast(network, control_epochs=CONTROL, **arguments)
    beta = arguments.get("beta_1", 0.9), arguments.get("beta_2", 0.99)
    unit, l1 = arguments.get("fosc_of", "batch"), arguments.get("l1", 0.0)
    led, near = slow(
        other, arguments["c_max"], unit, beta, l1, by_lines=arguments.get("bound") == "crown-ibp"
    )
    assert set(led) == cases
    assert min(near) > 1e-3  # else rounding would decide who leads
    assert_near(network, other)
    epochs = np.reshape(["unknown", *led], [EPOCHS - BEGIN, STEPS])
    agree, leads = (np.mean(epochs == case, axis=1) for case in ("both", "0.0"))
    np.testing.assert_allclose(logs["agree"], [0.0] * BEGIN + agree.tolist(), rtol=1e-6)
    # The first batch of all, of which nothing is known, has a test of its own.
    np.testing.assert_allclose(logs["adversarial_leads"][BEGIN + 1 :], leads[1:], rtol=1e-6)
    c_t = arguments["c_max"] * np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.5])
    np.testing.assert_allclose(logs["threshold"], c_t, rtol=1e-5)


def test_before_anything_is_known_nobody_leads():
    network = relus()
    defense = defenses.get("adv_ibp", **SETTINGS | {"clean_epochs": 0, "attacked_epochs": 0})
    trainer = defense.trainer(network, defense, seed=SEED, fosc_every=0)
    trainer.compile(optimizer=keras.optimizers.SGD(RATE))
    data = tf.data.Dataset.from_tensor_slices((IMAGE, LABEL)).batch(SIZE).take(1)
    logs = trainer.fit(data, steps_per_epoch=1, epochs=1, verbose=0).history
    assert logs["agree"] == [0.0]
    assert logs["adversarial_leads"] == [0.0]


def test_a_fixed_weight_is_a_plain_weighted_sum():
    network, other = relus(), relus()
    logs = fast(network, fixed_weight=0.7)
    slow(other, 0.0, "batch", fixed=0.7)
    assert_near(network, other)
    assert "agree" not in logs
    last = logs["adversarial"][-1] + 0.7 * logs["certified"][-1]
    np.testing.assert_allclose(logs["loss"][-1], last, rtol=1e-5)


def test_the_first_epochs_are_those_of_clean_and_of_adversarial_training():
    """An attack of one step costs a gradient, and so does its FOSC."""
    network, other = relus(), relus()
    arguments = {"clean_epochs": EPOCHS - 1, "attacked_epochs": 1, "ramp_epochs": 0}
    logs = fast(network, **arguments)
    for step in range(EPOCHS * STEPS):
        rows = slice(SIZE * (step % STEPS), SIZE * (step % STEPS) + SIZE)
        image, label = IMAGE[rows], LABEL[rows]
        if step >= (EPOCHS - 1) * STEPS:
            start = training.uniform(image, step, EPSILON)
            _, slope = loss_and_gradient(other, start, label)
            image = training.projected(start + 1.25 * EPSILON * np.sign(slope), image, EPSILON)
        training.by_hand.descend(other, image, label)
    assert_near(network, other)
    assert logs["gradients"] == [2] * EPOCHS
    assert set(logs["epsilon"]) == {np.float32(1e-6)}


def test_penalties_of_the_layers_count_once_in_every_phase():
    """Without any loss but the penalty w * ||kernel||^2 weights shrink by 1 - 2 * rate * w."""
    image = keras.Input((4, 4, 1))
    layer = keras.layers.Dense(
        3, use_bias=False, kernel_regularizer=keras.regularizers.L2(0.1), name="only"
    )
    hidden = keras.layers.Dense(3, name="flat")(layer(keras.layers.Flatten()(image)))
    network = keras.Model(image, keras.layers.Rescaling(0.0, offset=2.0)(hidden))
    before = layer.get_weights()[0]
    fast(network)
    shrunk = before * (1 - 2 * RATE * 0.1) ** (EPOCHS * STEPS)
    np.testing.assert_allclose(layer.get_weights()[0], shrunk, rtol=1e-4, atol=1e-7)


LATENT = {"clean_epochs": 0, "attacked_epochs": 0, "ramp_epochs": 1}


def named(classes=3):
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(8, activation="relu", name="first"),
            keras.layers.Dense(6, activation="relu", name="second"),
            keras.layers.Dense(classes, name="third"),
        ]
    )


@pytest.mark.parametrize("layer", ["second", "third"])
def test_a_latent_stage_leaves_earlier_layers_as_they_are(layer):
    network = named()
    before = {each.name: each.get_weights() for each in network.layers}
    fast(network, **LATENT, latent_layer=layer)
    names = [each.name for each in network.layers]
    for each in network.layers[1 : names.index(layer)]:
        assert_same(each.get_weights(), before[each.name])
    for each in network.layers[names.index(layer) :]:
        assert all(
            np.any(a != b) for a, b in zip(each.get_weights(), before[each.name], strict=True)
        )


@pytest.mark.parametrize(("layer", "place"), [("second", 1), ("third", 2)])
def test_what_is_found_lies_within_the_interval_bounds_of_its_layer(layer, place):
    network, epsilon = named(), 0.1
    lower, upper = intervals(layers_of(network, IMAGE), *box(IMAGE, epsilon))[place]
    lower, upper = tf.nn.relu(lower).numpy(), tf.nn.relu(upper).numpy()
    attack = LatentFgsm(layer, epsilon=epsilon, step_share=0.6)
    found = attack(network, IMAGE, LABEL, seed=0, final_fosc=True)
    point = found.image.numpy()
    assert (point >= lower - 1e-6).all()
    assert (point <= upper + 1e-6).all()
    assert ((point > lower + 1e-4) & (point < upper - 1e-4)).any()
    assert (found.fosc.numpy() >= 0).all()
    assert found.fosc.numpy().max() > 1e-4
    tail = layers_of(network, IMAGE)[place:]
    with tf.GradientTape() as tape:
        value = tf.constant(point)
        tape.watch(value)
        loss = SIZE * STEPS * plain.nats(LABEL, plain.logits(tail, value))
    slope = tape.gradient(loss, value).numpy()
    room = np.where(slope > 0, slope * (upper - point), slope * (lower - point))
    np.testing.assert_allclose(found.fosc, room.sum(axis=1), rtol=1e-4, atol=1e-6)


def test_the_fosc_of_a_box_is_0_at_the_corner_that_the_gradient_points_to():
    """Behind the last hidden layer two classes have a gradient whose signs are the same all over.

    A step of two half-widths ends in a corner.
    """
    network, label = named(classes=2), LABEL % 2
    lower, upper = intervals(layers_of(network, IMAGE), *box(IMAGE, 0.1))[2]
    kernel = network.layers[-1].get_weights()[0]
    attack = LatentFgsm("third", epsilon=0.1, step_share=2.0)
    found = attack(network, IMAGE, label, seed=0, final_fosc=True)
    toward = np.where(label[:, None] == 0, 1, -1) * (kernel[:, 1] - kernel[:, 0])
    corner = np.where(toward > 0, np.maximum(upper, 0), np.maximum(lower, 0))
    np.testing.assert_allclose(found.image, corner, atol=1e-5)
    np.testing.assert_allclose(found.fosc, 0.0, atol=1e-6)
    assert (found.fosc.numpy() >= 0).all()


@pytest.mark.parametrize(
    ("arguments", "rule", "received"),
    [
        (LATENT | {"latent_layer": "fourth"}, "begins at a layer", "latent_layer='fourth'"),
        ({"latent_layer": "third"}, "without clean epochs", "latent_layer='third'"),
        ({"bound": "crown"}, "bound", "crown"),
        ({"fosc_of": "epoch"}, "unit of the FOSC", "epoch"),
        ({"beta_1": 1.0}, "beta_1 must", "beta_1=1.0"),
        ({"step_share": 2.5}, "step_share must", "step_share=2.5"),
        ({"ramp_epochs": 9, "total_epochs": 6}, "ramp of epsilon must end", "total_epochs=6"),
    ],
)
def test_mistakes(arguments, rule, received):
    refused(lambda: fast(named(), **arguments), rule=rule, right="", received=received)


def test_moved_weights_are_refused():
    defense = defenses.get("adv_ibp", epsilon=0.1)
    moved = dataclasses.replace(defense, perturbation=WeightPerturbation(0.01))
    refused(
        lambda: defense.trainer(named(), moved),
        rule="mixes gradients by those of the batches before",
        right="perturbation.gamma=0.0",
        received="gamma=0.01",
    )
