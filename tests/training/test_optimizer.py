"""SGD with momentum and coupled weight decay, done by hand.

theta = 1, gradient 2, rate 0.1, momentum 0.9, w = 0.5:
    step 1: 2 + 0.5 * 1     = 2.5     v = -0.25               theta = 0.75
    step 2: 2 + 0.5 * 0.75  = 2.375   v = -0.225 - 0.2375     theta = 0.2875
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.training import CoupledSGD
from fosc_tf.training.optimizer import get, names
from tests.attacks.toys import images, labels, mlp
from tests.data.three_parts import refused


def descend(optimizer, steps, gradient=2.0):
    theta = keras.Variable([1.0])
    path = []
    for _ in range(steps):
        optimizer.apply_gradients([(tf.constant([gradient]), theta)])
        path.append(float(theta.numpy()[0]))
    return path


def test_two_steps_by_hand():
    optimizer = CoupledSGD(0.1, momentum=0.9, coupled_weight_decay=0.5)
    np.testing.assert_allclose(descend(optimizer, 2), [0.75, 0.2875], rtol=1e-6)


def test_without_momentum_by_hand():
    optimizer = CoupledSGD(0.1, coupled_weight_decay=0.5)
    # 1 - 0.1 * 2.5, then 0.75 - 0.1 * 2.375.
    np.testing.assert_allclose(descend(optimizer, 2), [0.75, 0.5125], rtol=1e-6)


def test_without_decay_it_is_sgd():
    plain = descend(keras.optimizers.SGD(0.1, momentum=0.9), 3)
    np.testing.assert_array_equal(descend(CoupledSGD(0.1, momentum=0.9), 3), plain)


def test_is_not_the_decoupled_decay_of_keras():
    """With momentum 0.9 they drift apart: coupled decay is carried on by the velocity."""
    coupled = descend(CoupledSGD(0.1, momentum=0.9, coupled_weight_decay=0.1), 20, gradient=0.0)
    decoupled = descend(keras.optimizers.SGD(0.1, momentum=0.9, weight_decay=0.1), 20, gradient=0.0)
    assert 1 - coupled[-1] > 4 * (1 - decoupled[-1]) > 0


def test_equals_the_l2_term_in_the_loss():
    """Descending CE with coupled w equals descending CE + 0.5 * w * ||theta||^2 with plain SGD."""
    image, label, decay = tf.constant(images(16)), labels(16), 0.05
    coupled, penalised = mlp(gain=2.0), mlp(gain=2.0)
    optimizers = (
        CoupledSGD(0.2, momentum=0.9, coupled_weight_decay=decay),
        keras.optimizers.SGD(0.2, momentum=0.9),
    )
    for _ in range(4):
        for network, optimizer in zip((coupled, penalised), optimizers, strict=True):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(
                    tf.nn.sparse_softmax_cross_entropy_with_logits(label, network(image))
                )
                if network is penalised:
                    for weight in network.trainable_variables:
                        loss += 0.5 * decay * tf.reduce_sum(tf.square(weight))
            variables = network.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
    for one, other in zip(coupled.get_weights(), penalised.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_decay_is_scaled_by_the_rate_of_its_step():
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([0], [0.1, 0.01])
    optimizer = CoupledSGD(rate, coupled_weight_decay=0.5)
    # 1 - 0.1 * 0.5 and 0.95 - 0.01 * 0.475.
    np.testing.assert_allclose(descend(optimizer, 2, gradient=0.0), [0.95, 0.94525], rtol=1e-6)


def test_survives_saving():
    optimizer = CoupledSGD(0.1, momentum=0.9, coupled_weight_decay=0.5)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(again, CoupledSGD)
    np.testing.assert_allclose(descend(again, 2), [0.75, 0.2875], rtol=1e-6)


def test_refuses_a_negative_decay():
    refused(
        lambda: CoupledSGD(0.1, coupled_weight_decay=-1e-4),
        rule="weight decay must be at least 0",
        right="1e-4",
        received="weight_decay=-0.0001",
    )


def test_clips_all_gradients_together_and_not_the_decay():
    # Norm 5 becomes 1: (0.6, 0.8); then 0.5 * theta of 1 comes on top.
    made = get("sgd", learning_rate=1.0, momentum=0.0, weight_decay=0.5, clip_norm=1.0)
    variables = [keras.Variable([1.0]), keras.Variable([1.0])]
    made.apply_gradients(zip([tf.constant([3.0]), tf.constant([4.0])], variables, strict=True))
    np.testing.assert_allclose(variables, [[-0.1], [-0.3]], atol=1e-6)


def test_adam_couples_its_decay_and_adamw_does_not():
    def first_step(name):
        made = get(name, learning_rate=0.1, weight_decay=0.5)
        return descend(made, 1, gradient=0.0)[0]

    # Adam's first step is the rate, whatever the gradient w * theta; AdamW's is rate * w * theta.
    assert first_step("adam") == pytest.approx(0.9, abs=1e-5)
    assert first_step("adamw") == pytest.approx(0.95, abs=1e-6)


@pytest.mark.parametrize("name", names())
def test_every_optimizer_survives_saving(name):
    made = get(name, learning_rate=0.1, weight_decay=0.01, clip_norm=0.5)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(made))
    np.testing.assert_array_equal(descend(again, 2), descend(made, 2))
