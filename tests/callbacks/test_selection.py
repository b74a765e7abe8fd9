"""Held-out accuracy: the numbers of the evaluation, in the epochs whose turn it is."""

import pytest
import tensorflow as tf

from fosc_tf import UserError
from fosc_tf.attacks import PGD, AutoAttack
from fosc_tf.attacks.autoattack.square import Square
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


@pytest.mark.parametrize(
    "attack",
    [
        ("pgd-3", {"epsilon": 0.1}),
        (PGD(epsilon=0.1, step_size=0.025, num_steps=3), {}),
        (stages("pgd-3", epsilon=0.1), {}),
    ],
)
def test_attacks_by_name_and_value_measure_the_same(attack):
    network = linear()
    network.layers[-1].kernel.assign(tf.random.stateless_normal([4, 3], [3, 4]))
    given, named = attack
    logs = logs_of(HeldOut(network, BATCHES, given, seed=5, **named), 0)
    expected = logs_of(HeldOut(network, BATCHES, stages("pgd-3", epsilon=0.1), seed=5), 0)
    assert logs["held_out_clean"] == expected["held_out_clean"]
    assert abs(logs["held_out_robust"] - expected["held_out_robust"]) <= 0.05


def test_ensembles_and_pairs_of_arrays():
    callback = HeldOut(linear(), (IMAGE.numpy(), LABEL.numpy()), "autoattack@4", epsilon=0.1)
    assert callback.attack.examples == 4
    members = AutoAttack(epsilon=0.1, members=[Square(epsilon=0.1, num_steps=2)])
    logs = logs_of(HeldOut(linear(), BATCHES, members), 0)
    assert 0 <= logs["held_out_robust"] <= logs["held_out_clean"]


@pytest.mark.parametrize(
    ("given", "named", "rule"),
    [
        ("pgd-3", {}, "needs the radius"),
        ("pgd", {"epsilon": 0.1}, "known one"),
        (PGD(epsilon=0.1, step_size=0.1, num_steps=1), {"epsilon": 0.2}, "epsilon of its own"),
        ("pgd-3", {"epsilon": 0.1, "every": 0}, "every must be"),
        ("pgd-3", {"epsilon": 9.0, "norm": "l2"}, "diameter"),
        (3, {}, "must be one of fosc_tf.attacks"),
    ],
)
def test_what_cannot_be_measured_is_refused_at_once(given, named, rule):
    with pytest.raises(UserError) as error:
        HeldOut(linear(), BATCHES, given, **named)
    assert rule in error.value.rule
