"""Held-out accuracy: the numbers of the evaluation, in the epochs whose turn it is."""

import pytest
import tensorflow as tf

from fosc_tf.callbacks import HeldOut
from fosc_tf.evaluation import white_box
from fosc_tf.evaluation.stages import stages
from tests.callbacks.stand_in import linear

IMAGE = tf.random.stateless_uniform([20, 2, 2, 1], [1, 2])
LABEL = tf.argmax(IMAGE[:, 0, :, 0], axis=1, output_type=tf.int32) + 1
BATCHES = tf.data.Dataset.from_tensor_slices((IMAGE, LABEL)).batch(8)


def logs_of(callback, epoch):
    logs = {"loss": 1.0}
    callback.on_epoch_end(epoch, logs)
    return logs


def test_measures_what_the_evaluation_would():
    network = linear()
    network.layers[-1].kernel.assign(tf.random.stateless_normal([4, 3], [3, 4]))
    callback = HeldOut(network, BATCHES, stages("pgd-3", epsilon=0.1), seed=5)
    logs = logs_of(callback, 0)
    rows = white_box(network, BATCHES, epsilon=0.1, attacks=("clean", "pgd-3"), seed=5)
    clean, robust = (row["accuracy"] for row in rows)
    assert logs == {"loss": 1.0, "held_out_clean": clean, "held_out_robust": robust}
    assert 0 < robust < clean


def test_sees_the_weights_as_they_are_now():
    network = linear()
    callback = HeldOut(network, BATCHES, stages("fgsm", epsilon=0.1))
    before = logs_of(callback, 0)["held_out_clean"]
    network.layers[-1].kernel.assign(-network.layers[-1].kernel)
    after = logs_of(callback, 1)["held_out_clean"]
    assert before > 0
    assert after != before


@pytest.mark.parametrize(("every", "epochs"), [(1, [0, 1, 2, 3]), (2, [1, 3]), (3, [2])])
def test_every_so_many_epochs(every, epochs):
    callback = HeldOut(linear(), BATCHES, stages("fgsm", epsilon=0.1), every=every)
    measured = [epoch for epoch in range(4) if "held_out_robust" in logs_of(callback, epoch)]
    assert measured == epochs
