"""What the weights descend: the loss at the images found, in training mode, [batch]."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.objectives import adversarial, self_weighted
from fosc_tf.schedules import Clock
from fosc_tf.types import Batch, Found
from tests.attacks.toys import (
    images,
    labels,
    loss_and_gradient,
    mlp,
    snapshot,
    with_batch_norm_and_dropout,
)

STEP = tf.constant(0, tf.int64)
BATCH = Batch(tf.constant(images(6)), tf.constant(labels(6)), {})


def found_at(image):
    unknown = tf.fill([len(image)], float("nan"))
    return Found(tf.constant(image), unknown, unknown, tf.zeros([len(image)], tf.int32))


def test_is_the_loss_at_the_images_found():
    network, other = mlp(gain=3.0), images(6, seed=9)
    clean = adversarial(network, BATCH, None, STEP)
    np.testing.assert_allclose(
        clean.loss, loss_and_gradient(network, BATCH.image, BATCH.label)[0], rtol=1e-5
    )
    judged = adversarial(network, BATCH, found_at(other), STEP)
    right = loss_and_gradient(network, other, BATCH.label)[0]
    assert judged.loss.shape == (6,)
    np.testing.assert_allclose(judged.loss, right, rtol=1e-5)
    np.testing.assert_allclose(judged.logits, network(other), rtol=1e-5)


def test_calls_the_network_in_training_mode():
    network = with_batch_norm_and_dropout()
    before = snapshot(network)
    adversarial(network, BATCH, None, STEP)
    moved = [np.any(a != b) for a, b in zip(before, snapshot(network), strict=True)]
    names = [variable.name for variable in network.variables]
    assert [name for name, has in zip(names, moved, strict=True) if has] == [
        "moving_mean",
        "moving_variance",
        "seed_generator_state",
    ]


@pytest.mark.parametrize(("step", "weighted"), [(0, False), (9, False), (10, True), (35, True)])
def test_self_weighted_weights_by_the_loss_from_the_second_epoch_on(step, weighted):
    """Without batch norm the weight is the loss itself: loss^2, whose gradient misses its 2."""
    network = mlp(gain=3.0)
    objective = self_weighted(Clock(10))
    loss = loss_and_gradient(network, BATCH.image, BATCH.label)[0]
    with tf.GradientTape(persistent=True) as tape:
        judged = objective(network, BATCH, None, tf.constant(step, tf.int64))
        total = tf.reduce_sum(judged.loss)
        weight = tf.constant(loss if weighted else np.ones(6), tf.float32)
        right = tf.reduce_sum(weight * adversarial(network, BATCH, None, STEP).loss)
    np.testing.assert_allclose(judged.loss, loss**2 if weighted else loss, rtol=1e-5)
    kernel = network.trainable_variables[0]
    np.testing.assert_allclose(
        tape.gradient(total, kernel), tape.gradient(right, kernel), rtol=1e-4, atol=1e-6
    )


def test_self_weighted_weighs_the_images_found_in_evaluation_mode():
    network, other = with_batch_norm_and_dropout(), images(6, seed=9)
    weight = loss_and_gradient(network, other, BATCH.label)[0]  # before the statistics move
    twin = with_batch_norm_and_dropout()
    plain = adversarial(twin, BATCH, found_at(other), STEP)
    judged = self_weighted(Clock(1))(network, BATCH, found_at(other), STEP + 1)
    np.testing.assert_allclose(judged.loss / plain.loss, weight, rtol=0.05)
    assert np.ptp(weight) > 0.3
