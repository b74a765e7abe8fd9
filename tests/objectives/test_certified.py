"""What certified training descends: never below the truth, by hand, and finite where it is hard."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import fosc_tf
from fosc_tf.bounds.training_mode import answer
from fosc_tf.objectives.distances import envelope
from fosc_tf.objectives.expressive import mixed_losses, mixed_margins
from fosc_tf.objectives.penalties import magnitudes, short_warm_up
from fosc_tf.objectives.small_boxes import small_box, small_boxes
from fosc_tf.objectives.worst_case import (
    Bounded,
    bounded,
    crown_interval,
    interval,
    linear_approximation,
    robust_cross_entropy,
)
from fosc_tf.schedules import Clock, epsilon_ramp
from fosc_tf.types import Batch, Found
from tests.attacks.toys import images, labels, with_batch_norm_and_dropout
from tests.defenses.plain_bounds import dense, relus

STEP = tf.constant(0, tf.int64)
IMAGE, LABEL = images(6), labels(6)


def batch_of(image=IMAGE, label=LABEL):
    return Batch(tf.constant(image), tf.constant(label), {})


def conv(seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(6, activation="relu"),
            keras.layers.Dense(3),
        ]
    )


def points(image, epsilon, count=200):
    """Returns [count, batch, ...] images of the boxes, every other one a corner."""
    random = np.random.default_rng(0)
    for number in range(count):
        away = random.uniform(-1, 1, image.shape)
        away = np.sign(away) if number % 2 else away
        yield np.clip(image + epsilon * away, 0, 1).astype("float32")


NETWORKS = {
    "dense": relus,
    "steep": lambda: relus((16, 12, 8), seed=1, gain=3.0),
    "convolution": conv,
    "batch_norm": with_batch_norm_and_dropout,
}


@pytest.mark.parametrize("epsilon", [1e-4, 0.05, 0.4])
@pytest.mark.parametrize("name", NETWORKS)
def test_no_image_of_the_box_has_a_larger_loss(name, epsilon):
    """Every objective's loss is above the worst cross-entropy at 200 images of the box."""
    network, batch = NETWORKS[name](), batch_of()
    objectives = {
        "interval": interval(epsilon=epsilon),
        "unfused": crown_interval(epsilon=epsilon, fused=False),
        "parallel": linear_approximation(epsilon=epsilon),
    }
    objectives |= {
        f"fused {share}": crown_interval(epsilon=epsilon, crown=share) for share in (1.0, 0.4, 0.0)
    }
    losses = {key: each(network, batch, None, STEP).loss for key, each in objectives.items()}
    here = bounded(network, batch, epsilon, STEP)
    worst = np.max(
        [
            tf.nn.sparse_softmax_cross_entropy_with_logits(LABEL, answer(here.program, image))
            for image in points(IMAGE, epsilon)
        ],
        axis=0,
    )
    for key, loss in losses.items():
        assert (loss.numpy() >= worst - 1e-5 * (1 + worst)).all(), key
    np.testing.assert_allclose(losses["fused 0.0"], losses["interval"], rtol=1e-5)


def test_the_robust_cross_entropy_by_hand():
    margins = tf.constant([[0.0, np.log(2.0), np.log(4.0)], [-1000.0, 0.0, 1000.0]])
    np.testing.assert_allclose(robust_cross_entropy(margins), [np.log(1.75), 1000.0], rtol=1e-6)


@pytest.mark.parametrize("epsilon", [0.02, 0.2])
@pytest.mark.parametrize("make", [relus, conv])
def test_margins_are_those_of_the_bounds(make, epsilon):
    network, batch = make(), batch_of()
    here = bounded(network, batch, epsilon, STEP)
    arguments = {"epsilon": epsilon}
    linear = fosc_tf.bounds.margins(network, IMAGE, LABEL, method="crown-ibp", **arguments)
    apart = fosc_tf.bounds.margins(network, IMAGE, LABEL, method="ibp", **arguments)
    parallel = fosc_tf.bounds.margins(network, IMAGE, LABEL, method="linear", **arguments)
    np.testing.assert_allclose(here.linear_margins(), linear, atol=1e-5)
    np.testing.assert_allclose(here.interval_margins(), apart, atol=1e-5)
    for objective, margins in (
        (crown_interval(epsilon=epsilon, crown=1.0, fused=False), linear),
        (crown_interval(epsilon=epsilon, crown=0.3, fused=False), 0.3 * linear + 0.7 * apart),
        (linear_approximation(epsilon=epsilon), parallel),
        (interval(epsilon=epsilon), apart),
    ):
        expected = np.log(np.exp(-margins).sum(axis=1))
        found = objective(network, batch, None, STEP).loss
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_clean_loss_and_the_robust_one_are_weighed():
    network, batch = relus(), batch_of()
    clean = tf.nn.sparse_softmax_cross_entropy_with_logits(LABEL, network(IMAGE))
    whole = interval(epsilon=0.1)(network, batch, None, STEP)
    mixed = interval(epsilon=0.1, natural=0.3)(network, batch, None, STEP)
    np.testing.assert_allclose(mixed.loss, 0.3 * clean + 0.7 * whole.loss, rtol=1e-5)
    np.testing.assert_allclose(mixed.logits, network(IMAGE), rtol=1e-5)


def test_what_is_shown_by_hand():
    """Clean margins of the first are 3 and 1, bounds 2 and -1; of the second 2 and 4, 1 and 3."""
    label, logits = tf.constant([0, 2]), tf.constant([[4.0, 1.0, 3.0], [3.0, 1.0, 5.0]])
    margins = tf.constant([[0.0, 2.0, -1.0], [1.0, 3.0, 0.0]])
    here = Bounded(None, None, logits, None, {}, label)
    judged = here.judged(tf.constant([7.0, 8.0]), margins, other=tf.zeros([2]))
    np.testing.assert_array_equal(judged.terms["verified"], [0.0, 1.0])
    np.testing.assert_allclose(judged.terms["looseness"], [1.5, 1.0])
    np.testing.assert_array_equal(judged.loss, [7.0, 8.0])
    assert set(judged.terms) == {"verified", "looseness", "other"}


def test_a_margin_of_nothing_verifies_nothing():
    here = Bounded(None, None, tf.zeros([1, 2]), None, {}, tf.constant([0]))
    assert here.judged(tf.zeros([1]), tf.zeros([1, 2])).terms["verified"] == 0


OBJECTIVES = {
    "interval": interval,
    "fused": crown_interval,
    "half_fused": lambda epsilon: crown_interval(epsilon=epsilon, crown=0.5, natural=0.5),
    "unfused": lambda epsilon: crown_interval(epsilon=epsilon, fused=False),
    "parallel": linear_approximation,
    "small_boxes": lambda epsilon: small_boxes(epsilon=epsilon, share=0.7, keeps=0.8),
    "mixed_losses": lambda epsilon: mixed_losses(epsilon=epsilon, alpha=0.5),
    "mixed_margins": lambda epsilon: mixed_margins(epsilon=epsilon, alpha=0.5),
    "regularised": lambda epsilon: interval(
        epsilon=epsilon, penalties=(short_warm_up(0.5, rise()), magnitudes(1e-6))
    ),
    "envelope": lambda epsilon: envelope(epsilon=epsilon, alpha=0.1, beta=0.1, closest=2),
    "envelope_l2": lambda epsilon: envelope(
        epsilon=epsilon, alpha=0.1, beta=0.1, closest=2, norm="l2"
    ),
}


def rise():
    """Returns a ramp from 0 to 0.2 in steps 0 to 10."""
    return epsilon_ramp(final=0.2, start_epoch=0, ramp_epochs=1, clock=Clock(10), shape="linear")


@pytest.mark.parametrize("scale", [1.0, 50.0])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_loss_and_gradient_are_finite(name, scale):
    """At points, over nearly all images, with logits of a million; some pixels are 0 and 1."""
    network = relus((16, 12))
    for layer in dense(network):
        kernel, bias = layer.get_weights()
        layer.set_weights([scale * kernel, bias])
    image = np.where(IMAGE < 0.2, 0, np.where(IMAGE > 0.8, 1, IMAGE)).astype("float32")
    for epsilon in (1e-6, 0.01, 0.5):
        found = Found.at(next(points(image, epsilon)))
        with tf.GradientTape() as tape:
            judged = OBJECTIVES[name](epsilon=epsilon)(network, batch_of(image), found, STEP)
            loss = tf.reduce_mean(judged.loss)
        assert np.isfinite(loss), epsilon
        for gradient in tape.gradient(loss, network.trainable_variables):
            assert np.isfinite(gradient).all(), epsilon


def by_hand():
    """Returns a network whose hidden units have centres 1, -1, 3, 0 and radii 2, 2, 4, 2 epsilon.

    The image is (0.5, 0.5).
    """
    network = keras.Sequential(
        [
            keras.Input((2, 1, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(4, activation="relu"),
            keras.layers.Dense(2),
        ]
    )
    kernel = np.array([[2.0, -2.0, 0.0, 0.0], [0.0, 0.0, 4.0, 2.0]])
    network.layers[1].set_weights([kernel, np.array([0.0, 0.0, 1.0, -1.0])])
    return network


def test_a_short_warm_up_by_hand():
    """At radius 0.1 of 0.2, with r_0 = 0.1 and r = 0.25, the first part is (0.5 - 0.4) / 0.5.

    Centres of active units are 4 / 4 in the mean, of inactive ones -1 / 4: (0.5 - 0.25) / 0.5. Of
    the variances around 0.75 the ratio is 3.0625 / 5.125, which is enough.
    """
    network, image = by_hand(), np.full([1, 2, 1, 1], 0.5, "float32")
    here = bounded(network, batch_of(image, [0]), 0.1, STEP)
    penalty = short_warm_up(0.5, rise())
    found = penalty(here, tf.constant(5, tf.int64))
    np.testing.assert_allclose(found, 0.5 * 0.5 * (0.2 + 0.5), rtol=1e-5)
    for step in (10, 11, 1000):
        assert penalty(here, tf.constant(step, tf.int64)) == 0.0


def test_without_units_on_one_side_only_the_width_costs():
    network, image = by_hand(), np.full([1, 2, 1, 1], 0.5, "float32")
    kernel, bias = network.layers[1].get_weights()
    network.layers[1].set_weights([kernel, bias + np.array([0.0, 4.0, 0.0, 0.0])])
    here = bounded(network, batch_of(image, [0]), 0.1, STEP)
    found = short_warm_up(1.0, rise())(here, STEP)
    np.testing.assert_allclose(found, 0.2, rtol=1e-5)


def test_magnitudes_are_those_of_the_kernels():
    network = by_hand()
    here = bounded(network, batch_of(np.full([1, 2, 1, 1], 0.5, "float32"), [0]), 0.1, STEP)
    expected = 10.0 + np.abs(network.layers[2].get_weights()[0]).sum()
    np.testing.assert_allclose(magnitudes(0.1)(here, STEP), 0.1 * expected, rtol=1e-6)


@pytest.mark.parametrize("share", [0.05, 0.4, 0.6, 0.9, 1.0])
def test_a_small_box_lies_within_the_whole_and_holds_the_adversarial_image(share):
    """Also where pixels are black or white, whose half-widths are a half of the others'."""
    epsilon = 0.3
    image = np.where(IMAGE < 0.3, 0, np.where(IMAGE > 0.7, 1, IMAGE)).astype("float32")
    lower, upper = np.maximum(image - epsilon, 0), np.minimum(image + epsilon, 1)
    for image_adv in [*points(image, epsilon, 4), lower, upper, image]:
        region = small_box(tf.constant(image), tf.constant(image_adv), epsilon, share)
        low, high = region.lower.numpy(), region.upper.numpy()
        assert (low >= lower - 1e-6).all()
        assert (high <= upper + 1e-6).all()
        assert (low <= image_adv + 1e-6).all()
        assert (high >= image_adv - 1e-6).all()
        np.testing.assert_allclose(high - low, share * (upper - lower), atol=1e-6)
        if share == 1.0:
            np.testing.assert_allclose(low, lower, atol=1e-6)
            np.testing.assert_allclose(high, upper, atol=1e-6)


def test_a_small_box_of_the_whole_size_has_the_loss_of_the_whole():
    network, found = relus(), Found.at(next(points(IMAGE, 0.1)))
    small = small_boxes(epsilon=0.1, share=1.0)(network, batch_of(), found, STEP)
    whole = interval(epsilon=0.1)(network, batch_of(), None, STEP)
    np.testing.assert_allclose(small.loss, whole.loss, rtol=1e-5)
    smaller = small_boxes(epsilon=0.1, share=0.5)(network, batch_of(), found, STEP)
    assert (smaller.loss.numpy() < whole.loss.numpy()).all()
