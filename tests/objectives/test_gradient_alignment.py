"""The misalignment of two input gradients: closed forms, what is dropped, which mode is used."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.objectives import gradient_alignment
from fosc_tf.types import Batch, Found
from tests.attacks.toys import images, labels, loss_and_gradient, mlp, with_batch_norm_and_dropout

IMAGE, LABEL = images(6), labels(6)
NOISE = images(6, seed=9) * 0.2 - 0.1
STEP = tf.constant(0, tf.int64)


def judged(network, gradient, weight=0.5, image=IMAGE, label=LABEL):
    found = Found.at(tf.constant(image))._replace(seen={"gradient": tf.constant(gradient)})
    batch = Batch(tf.constant(image), tf.constant(label), {})
    objective = gradient_alignment(weight, lambda batch, step: batch.image + NOISE[: len(image)])
    return objective(network, batch, found, STEP)


def cosines(one, other):
    one, other = (np.reshape(each, [len(each), -1]).astype("float64") for each in (one, other))
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return (one * other).sum(axis=1) / lengths


def test_equals_the_cosine_written_out():
    network = mlp(gain=2.0)
    _, here = loss_and_gradient(network, IMAGE, LABEL)
    _, there = loss_and_gradient(network, IMAGE + NOISE, LABEL)
    found = judged(network, here)
    loss, _ = loss_and_gradient(network, IMAGE, LABEL)
    right = 1 - cosines(here, there)
    assert right.max() > 0.01
    np.testing.assert_allclose(found.terms["misalignment"], right, atol=1e-5)
    np.testing.assert_allclose(found.loss, loss + 0.5 * right, atol=1e-5)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_knows_no_scale(scale):
    network = mlp(gain=2.0)
    _, here = loss_and_gradient(network, IMAGE, LABEL)
    found = judged(network, here * np.float32(scale)).terms["misalignment"]
    np.testing.assert_allclose(found, judged(network, here).terms["misalignment"], atol=1e-6)


def test_zero_gradients_are_dropped_from_the_mean():
    network = mlp(gain=2.0)
    _, here = loss_and_gradient(network, IMAGE, LABEL)
    some = here.copy()
    some[[0, 3]] = 0.0
    kept = [1, 2, 4, 5]
    full, part = (judged(network, each).terms["misalignment"].numpy() for each in (here, some))
    assert part[[0, 3]].tolist() == [0.0, 0.0]
    assert part.mean() == pytest.approx(full[kept].mean(), rel=1e-5)


def test_with_no_gradient_at_all_nothing_is_added():
    network = mlp()
    with tf.GradientTape() as tape:
        found = judged(network, np.zeros_like(IMAGE))
        loss = tf.reduce_mean(found.terms["misalignment"])
    assert float(loss) == 0.0
    for gradient in tape.gradient(loss, network.trainable_variables):
        assert gradient is None or not np.any(gradient)


def test_its_gradient_is_the_quotient_of_differences():
    """In the direction of itself; TensorFlow's second derivative against two values."""
    network = mlp(gain=2.0)
    _, here = loss_and_gradient(network, IMAGE, LABEL)
    weights = network.trainable_variables

    def penalty():
        return tf.reduce_mean(judged(network, here).terms["misalignment"])

    with tf.GradientTape() as tape:
        value = penalty()
    gradient = tape.gradient(value, weights, unconnected_gradients="zero")
    length, away = tf.linalg.global_norm(gradient), 1e-2
    values = []
    for side in (away, -2 * away):
        for weight, each in zip(weights, gradient, strict=True):
            weight.assign_add(side * each / length)
        values.append(float(penalty()))
    assert float(length) > 1e-3
    assert (values[0] - values[1]) / (2 * away) == pytest.approx(float(length), rel=1e-2)


def test_statistics_move_once_and_dropout_is_off_in_the_gradient():
    network, twin = with_batch_norm_and_dropout(), with_batch_norm_and_dropout()
    _, here = loss_and_gradient(network, IMAGE, LABEL)
    twin(IMAGE, training=True)
    # After the pass in training mode, whose statistics it sees.
    _, there = loss_and_gradient(twin, IMAGE + NOISE, LABEL)
    found = judged(network, here)
    right = 1 - cosines(here, there)
    np.testing.assert_allclose(found.terms["misalignment"], right, atol=1e-5)
    for one, other in zip(network.layers[1].weights, twin.layers[1].weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
