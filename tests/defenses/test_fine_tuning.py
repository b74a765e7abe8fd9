"""Fine-tuning: equal to its loop written out, with and without weights and divergence."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import defenses
from tests.attacks.toys import loss_and_gradient, mlp
from tests.data.three_parts import refused
from tests.defenses import by_hand
from tests.defenses import slow_training as training

STEP = 0.08
EACH = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction=None)


@pytest.mark.parametrize(("reweight", "beta"), [(True, 3.0), (False, 3.0), (True, 0.0)])
def test_is_its_loop_written_out(reweight, beta):
    network, other = mlp(gain=2.0), mlp(gain=2.0)
    settings = {"epsilon": training.EPSILON, "step_size": STEP, "num_steps": 2}
    logs = training.fast(
        network, defenses.get("fine_tuning", reweight=reweight, beta=beta, **settings)
    )
    for step, image, label in training.batches():
        x = training.uniform(image, step)
        for _ in range(2):
            _, gradient = loss_and_gradient(other, x, label)
            x = training.projected(x + STEP * np.sign(gradient), image)
        weight = tf.nn.softmax(other(x)).numpy()[np.arange(len(label)), label]
        weight = weight if reweight else np.ones_like(weight)

        def loss(x=x, image=image, label=label, weight=weight):
            p, q = tf.nn.softmax(other(image)), tf.nn.softmax(other(x))
            apart = tf.reduce_sum(p * tf.math.log(p / q), axis=1)
            return tf.reduce_sum(weight * (EACH(label, other(x)) + beta * apart)) / weight.sum()

        by_hand.descend_on(other, loss)
    training.assert_equal(network, other)
    assert logs["gradients"] == [2, 2, 2]


def test_without_both_it_is_standard_training():
    network, other = mlp(gain=2.0), mlp(gain=2.0)
    training.fast(network, defenses.get("fine_tuning", epsilon=0.2, reweight=False, beta=0.0))
    training.fast(other, defenses.get("standard", epsilon=0.2))
    training.assert_equal(network, other)


@pytest.mark.parametrize(
    ("wrong", "rule", "received"),
    [
        ({"beta": -1.0}, "beta must lie in its range [0, inf)", "beta=-1.0"),
        ({"reweight": 1}, "reweight must be True or False", "reweight=1"),
    ],
)
def test_mistakes(wrong, rule, received):
    refused(
        lambda: defenses.get("fine_tuning", epsilon=0.1, **wrong),
        rule=rule,
        right="",
        received=received,
    )
