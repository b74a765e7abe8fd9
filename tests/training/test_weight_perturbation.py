"""Gradients where the weights are worse nearby: AWP against its steps written out."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import defenses
from fosc_tf.schedules import Clock
from fosc_tf.training import AdversarialTrainer, CoupledSGD, WeightPerturbation
from tests.attacks.toys import assert_same, images, labels, mlp, with_batch_norm_and_dropout
from tests.data.three_parts import refused
from tests.defenses.arguments import taken_by
from tests.training.replica_run import COMPOSED

SIZE, STEPS, RATE, DECAY = 8, 3, 0.1, 0.01
IMAGE, LABEL = images(SIZE * STEPS), labels(SIZE * STEPS)


def trained(network, perturbation, name="standard", epochs=1):
    arguments = taken_by(name, epsilon=0.2, num_examples=len(IMAGE), num_classes=3, batch_size=SIZE)
    defense = dataclasses.replace(defenses.get(name, **arguments), perturbation=perturbation)
    trainer = AdversarialTrainer(network, defense, seed=2)
    trainer.compile(optimizer=CoupledSGD(RATE, coupled_weight_decay=DECAY))
    rows = {"image": IMAGE, "label": LABEL, "id": np.arange(len(IMAGE))}
    data = tf.data.Dataset.from_tensor_slices(rows).batch(SIZE)
    trainer.fit(data, epochs=epochs, verbose=0)
    return trainer


def gradients(network, image, label):
    with tf.GradientTape() as tape:
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(label, network(image, training=True))
        loss = tf.reduce_mean(loss)
    return [g.numpy() for g in tape.gradient(loss, network.trainable_variables)]


def test_equals_its_steps_written_out():
    """Attack, v = gamma * ||w|| * g / ||g|| for kernels, gradients and step at w + v, minus v."""
    gamma, network, twin = 0.05, mlp(gain=1.5), mlp(gain=1.5)
    trained(network, WeightPerturbation(gamma))
    attack = defenses.get("standard", epsilon=0.2).attack
    for step in range(STEPS):
        rows = slice(SIZE * step, SIZE * step + SIZE)
        image = attack(twin, IMAGE[rows], LABEL[rows], seed=2, step=step).image
        weights = [w.copy() for w in twin.get_weights()]
        moves = [
            gamma * np.linalg.norm(w) * g / np.linalg.norm(g) if w.ndim > 1 else np.zeros_like(w)
            for w, g in zip(weights, gradients(twin, image, LABEL[rows]), strict=True)
        ]
        twin.set_weights([w + v for w, v in zip(weights, moves, strict=True)])
        found = gradients(twin, image, LABEL[rows])
        stepped = [
            w - RATE * (g + DECAY * w) for w, g in zip(twin.get_weights(), found, strict=True)
        ]
        twin.set_weights([w - v for w, v in zip(stepped, moves, strict=True)])
    for one, other in zip(network.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


# The first two refuse it; of the others, and of what is composed of parts, one of a kind will do.
LEFT_OUT = ("yopo", "adv_ibp", "cc_ibp", "crown_ibp", "kw", "per", "sabr", *COMPOSED)


@pytest.mark.parametrize("name", [name for name in defenses.names() if name not in LEFT_OUT])
def test_works_with_every_defense(name):
    """YOPO has no one image at which to take gradients, and refuses; see its own tests."""
    plain, moved = mlp(gain=1.5), mlp(gain=1.5)
    trained(plain, None, name)
    trained(moved, WeightPerturbation(0.05), name)
    assert all(np.isfinite(w).all() for w in moved.get_weights())
    assert np.abs(plain.get_weights()[0] - moved.get_weights()[0]).max() > 1e-5


def test_statistics_and_random_layers_do_not_see_the_probing_pass():
    """With gamma 0 all is as without, to the bit, though the network was asked once more."""
    plain, probed = with_batch_norm_and_dropout(), with_batch_norm_and_dropout()
    trained(plain, None, epochs=2)
    trained(probed, WeightPerturbation(0.0), epochs=2)
    assert_same(plain.get_weights(), probed.get_weights())


def test_begins_with_its_epoch():
    clock = Clock(STEPS)
    plain, later = mlp(gain=1.5), mlp(gain=1.5)
    trained(plain, None)
    trained(later, WeightPerturbation(0.05, from_epoch=1, clock=clock))
    assert_same(plain.get_weights(), later.get_weights())
    trained(plain, None, epochs=2)
    trained(later, WeightPerturbation(0.05, from_epoch=1, clock=clock), epochs=2)
    assert np.any(plain.get_weights()[0] != later.get_weights()[0])


def test_mistakes():
    for call, rule in (
        (lambda: WeightPerturbation(-0.1), "gamma must lie in its range [0, inf)"),
        (lambda: WeightPerturbation("0.1"), "gamma must be a number"),
        (lambda: WeightPerturbation(0.1, from_epoch=1), "a later epoch needs a clock"),
    ):
        refused(call, rule=rule, right="", received="")
