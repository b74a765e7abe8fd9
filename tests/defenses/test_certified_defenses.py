"""Certified defenses: equal to loops written out, with attacks and bounds written out."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import defenses
from fosc_tf.types import Batch
from tests.attacks.toys import loss_and_gradient
from tests.defenses import by_hand
from tests.defenses import plain_bounds as plain
from tests.defenses import slow_training as training
from tests.defenses.by_hand import IMAGE, LABEL, SIZE, STEPS
from tests.defenses.plain_bounds import box, intervals, layers_of, relus

EPSILON, FINE = 0.2, 1e-5
COARSE = 1e-4
"""Radii of 1e-6 between ends near 1 are known to a few percent in float32."""


def normalised():
    return relus(batch_norm=True)


class Ramp:
    """The radius by steps, as the defense is told it and as it is written out."""

    def __init__(self, start_epoch=1, ramp_epochs=1, shape="smooth"):
        self.told = {"epsilon": EPSILON, "start_epoch": start_epoch, "ramp_epochs": ramp_epochs}
        self.told |= {"ramp": shape}
        self.first, self.length, self.shape = STEPS * start_epoch, STEPS * ramp_epochs, shape

    def __call__(self, step):
        if self.shape == "smooth":
            return plain.smooth(step, EPSILON, self.first, self.length)
        passed = min(max((step - self.first) / self.length, 0.0), 1.0)
        return max(EPSILON * passed, plain.LOWEST)

    def between(self, first, last, step):
        return first + (last - first) * self(step) / EPSILON


SMOOTH, LINEAR = Ramp(), Ramp(start_epoch=0, ramp_epochs=2, shape="linear")


def compared(name, ramp, loss, arguments, make=relus, atol=FINE):
    """Asserts that a defense trains what the descent of `loss` trains; returns the epochs' logs.

    `loss(network, image, label, step)` attacks, and returns the function that is descended.
    """
    network, other = make(), make()
    logs = training.fast(network, defenses.get(name, **ramp.told, **arguments))
    for step, image, label in training.batches():
        wanted = loss(other, image, label, step)
        by_hand.descend_on(other, wanted)
    for one, slow in zip(network.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, slow, atol=atol)
    assert np.abs(network.get_weights()[0] - make().get_weights()[0]).max() > 0.01
    ends = [ramp(STEPS * epoch + STEPS - 1) for epoch in range(training.EPOCHS)]
    np.testing.assert_allclose(logs["epsilon"], ends, rtol=1e-5)
    return logs


def climbed(network, image, label, step, radius, lengths):
    """Returns PGD's last image."""
    x = training.uniform(image, step, radius)
    for length in lengths:
        _, gradient = loss_and_gradient(network, x, label)
        x = training.projected(x + length * np.sign(gradient), image, radius)
    return x


def extra(network, ends, ramp, step, warm_up=0.0, l1=0.0):
    found = l1 * plain.magnitudes(network)
    if warm_up:
        found += warm_up * (1.0 - ramp(step) / EPSILON) * plain.short_warm_up(ends)
    return found


def by_ibp(ramp, warm_up=0.0, l1=0.0, kappa_start=0.0, kappa_end=0.0, after=None):
    def of(network, image, label, step):
        def loss():
            layers = layers_of(network, image)
            ends = intervals(layers, *box(image, ramp(step)))
            kappa = ramp.between(kappa_start, kappa_end, step)
            robust = plain.robust(plain.interval_margins(layers, ends, label))
            clean = plain.nats(label, plain.logits(layers, image))
            mixed = kappa * clean + (1.0 - kappa) * robust
            return mixed + extra(network, ends, ramp, step, warm_up, l1)

        if after is not None:
            after(network, image)
        return loss

    return of


@pytest.mark.parametrize(
    ("ramp", "arguments", "atol"),
    [
        (SMOOTH, {"warm_up": 0.0}, FINE),
        (SMOOTH, {"warm_up": 0.5, "l1": 1e-3, "kappa_start": 1.0, "kappa_end": 0.5}, COARSE),
        (LINEAR, {"warm_up": 0.5, "kappa_end": 0.5}, COARSE),
    ],
)
def test_ibp_trains_what_a_loop_written_out_trains(ramp, arguments, atol):
    logs = compared("ibp", ramp, by_ibp(ramp, **arguments), arguments, atol=atol)
    assert "gradients" not in logs
    assert min(logs["looseness"]) > 0


@pytest.mark.parametrize("warm_up", [0.0, 0.5])
def test_bounds_have_the_statistics_of_the_clean_batch(warm_up):
    """Their gradient is that of mean and variance too, and running ones move once a batch."""
    loss = by_ibp(SMOOTH, warm_up=warm_up, kappa_end=0.5, after=plain.move_statistics)
    arguments = {"warm_up": warm_up, "kappa_end": 0.5}
    compared("ibp", SMOOTH, loss, arguments, normalised, atol=COARSE if warm_up else FINE)


@pytest.mark.parametrize(("fused", "beta_end"), [(True, 0.6), (False, 0.0)])
def test_crown_ibp_trains_what_a_loop_written_out_trains(fused, beta_end):
    def of(network, image, label, step):
        def loss():
            layers = layers_of(network, image)
            ends = intervals(layers, *box(image, SMOOTH(step)))
            beta = SMOOTH.between(1.0, beta_end, step)
            if fused:
                robust = plain.fused(layers, ends, label, beta)
            else:
                lines = plain.linear_margins(layers, ends, label)
                apart = plain.interval_margins(layers, ends, label)
                robust = plain.robust(beta * lines + (1.0 - beta) * apart)
            kappa = SMOOTH.between(1.0, 0.5, step)
            clean = plain.nats(label, plain.logits(layers, image))
            mixed = kappa * clean + (1.0 - kappa) * robust
            return mixed + extra(network, ends, SMOOTH, step, l1=1e-3)

        return loss

    arguments = {"loss_fusion": fused, "beta_end": beta_end, "warm_up": 0.0, "l1": 1e-3}
    arguments |= {"kappa_start": 1.0, "kappa_end": 0.5}
    logs = compared("crown_ibp", SMOOTH, of, arguments)
    assert "gradients" not in logs
    np.testing.assert_allclose(logs["beta"][-1], beta_end, atol=1e-6)
    np.testing.assert_allclose(logs["kappa"], [1.0, SMOOTH.between(1.0, 0.5, 5), 0.5], rtol=1e-5)


def test_crown_ibp_without_the_clean_loss_and_with_a_warm_up():
    def of(network, image, label, step):
        def loss():
            layers = layers_of(network, image)
            ends = intervals(layers, *box(image, LINEAR(step)))
            robust = plain.fused(layers, ends, label, LINEAR.between(1.0, 0.0, step))
            return robust + extra(network, ends, LINEAR, step, warm_up=0.5)

        return loss

    compared("crown_ibp", LINEAR, of, {}, atol=COARSE)


def test_kw_trains_what_a_loop_written_out_trains():
    def of(network, image, label, step):
        def loss():
            layers = layers_of(network, image)
            ends = plain.parallel_ends(layers, *box(image, SMOOTH(step)))
            robust = plain.robust(plain.linear_margins(layers, ends, label, parallel=True))
            return robust + extra(network, ends, SMOOTH, step, l1=1e-3)

        return loss

    logs = compared("kw", SMOOTH, of, {"l1": 1e-3})
    assert "gradients" not in logs


def small_box(image, image_adv, epsilon, share):
    lower, upper = box(image, epsilon)
    radius = share * (upper - lower) / 2
    centre = np.clip(plain.flat(image_adv), lower + radius, upper - radius)
    return tf.constant(centre) - radius, tf.constant(centre) + radius


@pytest.mark.parametrize(
    ("ramp", "num_steps", "arguments"),
    [
        (SMOOTH, 3, {"share": 0.6, "warm_up": 0.0, "l1": 1e-3}),
        (SMOOTH, 2, {"share": 0.3, "warm_up": 0.0, "keeps": 0.8, "kappa_start": 1.0}),
        (LINEAR, 3, {"share": 0.9, "kappa_end": 0.3}),
    ],
)
def test_sabr_trains_what_a_loop_written_out_trains(ramp, num_steps, arguments):
    """Of 3 steps one comes after the half, of 2 one after the half and none after 80 %."""
    given = {"keeps": 1.0, "warm_up": 0.5, "l1": 1e-6, "kappa_start": 0.0, "kappa_end": 0.0}
    given |= arguments
    shorter = {2: (0.5, 0.05), 3: (0.5, 0.5, 0.05)}[num_steps]

    def of(network, image, label, step):
        radius = ramp(step)
        x = climbed(network, image, label, step, radius, [radius * part for part in shorter])

        def loss():
            layers, keeps = layers_of(network, image), given["keeps"]
            ends = intervals(layers, *small_box(image, x, radius, given["share"]), keeps)
            kappa = ramp.between(given["kappa_start"], given["kappa_end"], step)
            robust = plain.robust(plain.interval_margins(layers, ends, label, keeps))
            clean = plain.nats(label, plain.logits(layers, image))
            mixed = kappa * clean + (1.0 - kappa) * robust
            return mixed + extra(network, ends, ramp, step, given["warm_up"], given["l1"])

        return loss

    atol = COARSE if given["warm_up"] else FINE
    logs = compared("sabr", ramp, of, arguments | {"num_steps": num_steps}, atol=atol)
    assert logs["gradients"] == [num_steps] * training.EPOCHS


def test_the_steps_of_sabr_shorten_after_half_after_80_and_after_90_percent():
    attack = defenses.get("sabr", epsilon=0.3).attack
    assert attack.parts.rule.after == (4, 7, 8)
    assert attack.parts.rule.factor == 0.1


MIXTURES = {
    "mtl_ibp": lambda margins, attacked, alpha: (
        alpha * plain.robust(margins) + (1 - alpha) * plain.robust(attacked)
    ),
    "cc_ibp": lambda margins, attacked, alpha: plain.robust(
        alpha * margins + (1 - alpha) * attacked
    ),
}


@pytest.mark.parametrize("name", MIXTURES)
@pytest.mark.parametrize(
    ("ramp", "arguments"),
    [
        (SMOOTH, {"alpha": 0.3, "warm_up": 0.0, "l1": 1e-3}),
        (SMOOTH, {"warm_up": 0.0, "attack_factor": 1.5, "num_steps": 2, "step_share": 0.4}),
        (LINEAR, {"alpha": 0.7}),
    ],
)
def test_mixtures_train_what_loops_written_out_train(name, ramp, arguments):
    given = {"alpha": 0.3 if name == "cc_ibp" else 0.08, "attack_factor": 1.0, "num_steps": 1}
    given |= {"step_share": 2.0, "warm_up": 0.5, "l1": 3e-6 if name == "cc_ibp" else 1e-6}
    given |= arguments
    atol = COARSE if given["warm_up"] else FINE
    logs = compared(name, ramp, by_mixture(name, ramp, given), arguments, atol=atol)
    assert logs["gradients"] == [given["num_steps"]] * training.EPOCHS


def by_mixture(name, ramp, given, after=None):
    def of(network, image, label, step):
        radius = ramp(step) * given["attack_factor"]
        lengths = [radius * given["step_share"]] * given["num_steps"]
        x = climbed(network, image, label, step, radius, lengths)

        def loss():
            layers = layers_of(network, image)
            ends = intervals(layers, *box(image, ramp(step)))
            there = plain.logits(layers, x)
            attacked = tf.einsum("bjc,bc->bj", plain.rows(label), there)
            margins = plain.interval_margins(layers, ends, label)
            mixed = MIXTURES[name](margins, attacked, given["alpha"])
            return mixed + extra(network, ends, ramp, step, given["warm_up"], given["l1"])

        if after is not None:
            after(network, image)
        return loss

    return of


@pytest.mark.parametrize("name", ["sabr", "cc_ibp"])
def test_a_gate_stops_attacks_whose_fosc_is_small(name):
    """A threshold of 1000 nats stops everyone after one step; one epoch later it is 0."""
    arguments = {"num_steps": 4, "step_share": 0.3, "c_max": 1000.0, "control_epochs": 1}
    logs = training.fast(relus(), defenses.get(name, **SMOOTH.told, **arguments))
    assert logs["threshold"] == [1000.0, 0.0, 0.0]
    assert logs["gradients"][0] == 2
    assert min(logs["gradients"][1:]) > 3


def test_attacked_logits_have_the_statistics_of_the_clean_batch_too():
    given = {"alpha": 0.5, "attack_factor": 1.0, "num_steps": 1, "step_share": 2.0}
    given |= {"warm_up": 0.0, "l1": 0.0}
    loss = by_mixture("mtl_ibp", SMOOTH, given, after=plain.move_statistics)
    compared("mtl_ibp", SMOOTH, loss, {"alpha": 0.5, "warm_up": 0.0, "l1": 0.0}, normalised)


def reaching():
    """Returns a network whose bounds reach 0 within [0, 1], where they hold near enough."""
    return relus((12, 8), seed=1, gain=3.0)


class Constant:
    """No ramp."""

    final = 0.02
    told = {"epsilon": final, "num_classes": 3}

    def __call__(self, step):
        return self.final


class Wide(Constant):
    """Bounds so low that no image within [0, 1] lifts some of them to 0."""

    final = 0.2
    told = Constant.told | {"epsilon": final}


class Doubling(Constant):
    told = Constant.told | {"doublings": 1, "doubling_epochs": 2}

    def __call__(self, step):
        return self.final / 2 if step < 2 * STEPS else self.final


@pytest.mark.parametrize(
    ("radius", "inner", "arguments"),
    [
        (Constant(), "linear", {"attacked": False, "closest": 2, "beta": 0.1}),
        (Constant(), "interval", {"num_steps": 2, "closest": 1, "beta": 0.1, "alpha": 0.05}),
        (Wide(), "interval", {"attacked": False, "closest": 2, "beta": 0.02}),
        (Doubling(), "linear", {"num_steps": 2, "closest": 2, "beta": 0.1, "from_epoch": 1}),
    ],
)
def test_per_trains_what_a_loop_written_out_trains(radius, inner, arguments):
    alpha, steps = arguments.get("alpha", 1.5 * radius.final), arguments.get("num_steps", 0)
    from_epoch = arguments.get("from_epoch", 0)

    def of(network, image, label, step):
        here = radius(step)
        x = climbed(network, image, label, step, here, [here / 4] * steps) if steps else image

        def loss():
            layers = layers_of(network, image)
            found = plain.parallel_ends if inner == "linear" else intervals
            ends = found(layers, *box(image, here))
            both = [plain.nats(label, plain.logits(layers, each)) for each in (image, x)]
            away = plain.hinges(layers, ends, label, x, alpha, arguments["closest"])
            beta = arguments["beta"] if step >= STEPS * from_epoch else 0.0
            return 0.5 * (both[0] + both[1]) + beta * away

        return loss

    # Hinges are 1 / alpha times as steep as distances, and so is the rounding.
    logs = compared("per", radius, of, arguments | {"inner": inner}, reaching, atol=5e-5)
    assert logs.get("gradients", [0] * 3) == [steps] * 3
    assert np.isfinite(logs["distance"]).all()


def test_per_looks_at_some_examples_and_descends_their_mean():
    network, (radius, told) = reaching(), (Constant.final, Constant.told)
    defense = defenses.get("per", **told, examples=5, attacked=False, closest=2, beta=0.3)
    image, label = IMAGE[:SIZE], LABEL[:SIZE]
    batch = Batch(tf.constant(image), tf.constant(label), {})
    judged = defense.objective(network, batch, None, tf.constant(4, tf.int64))
    taken = np.flatnonzero(judged.terms["distance"].numpy())
    assert len(taken) == 5
    layers = layers_of(network, image)
    ends = plain.parallel_ends(layers, *box(image[taken], radius))
    away = plain.hinges(layers, ends, label[taken], image[taken], 1.5 * radius, 2)
    nats = plain.nats(label, plain.logits(layers, image))
    np.testing.assert_allclose(np.mean(judged.loss), nats + 0.3 * away, rtol=1e-5)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("shift", [-8.0, 8.0])
def test_per_is_finite_where_no_image_reaches_an_envelope(norm, shift):
    """The bound of every margin of class 0 has the same sign all over [0, 1]."""
    network = relus(gain=0.5)
    kernel, bias = network.layers[-1].get_weights()
    network.layers[-1].set_weights([kernel, bias + np.array([shift, 0.0, 0.0])])
    defense = defenses.get("per", epsilon=0.1, num_classes=3, attacked=False, closest=2, norm=norm)
    batch = Batch(tf.constant(IMAGE), tf.zeros(len(IMAGE), tf.int32), {})
    with tf.GradientTape() as tape:
        judged = defense.objective(network, batch, None, tf.constant(0, tf.int64))
        loss = tf.reduce_mean(judged.loss)
    assert np.isfinite(loss)
    assert np.isfinite(judged.terms["distance"]).all()
    for gradient in tape.gradient(loss, network.trainable_variables):
        assert np.isfinite(gradient).all()
