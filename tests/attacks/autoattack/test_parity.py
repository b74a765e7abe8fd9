"""Parity with the authors' implementation, which this project neither contains nor depends on.

    export FOSC_TF_AUTOATTACK=path/to/auto-attack
    python -m pytest tests/attacks/autoattack/test_parity.py -s

It needs PyTorch and takes an hour or more on two cores: each member runs alone on 1,000 MNIST
images against the same robust network on both sides. FOSC_TF_AUTOATTACK_WEIGHTS may name weights
of an mnist_cnn; else a network is trained first. FOSC_TF_AUTOATTACK_IMAGES sets another number of
images, and allows for as much more noise.
"""

from __future__ import annotations

import importlib.util
import os
import pathlib
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.attacks import PGD, AutoAttack
from tests.attacks.autoattack import small_networks as small

CLONE = os.environ.get("FOSC_TF_AUTOATTACK", "")
WEIGHTS = os.environ.get("FOSC_TF_AUTOATTACK_WEIGHTS", "")
IMAGES = int(os.environ.get("FOSC_TF_AUTOATTACK_IMAGES", "1000"))
MNIST = pathlib.Path(__file__).resolve().parents[4] / "shared" / "data" / "mnist.npz"
EPSILON = 0.3
BATCH = 250

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CLONE, reason="FOSC_TF_AUTOATTACK names no clone of auto-attack"),
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is missing"),
    pytest.mark.skipif(not MNIST.exists(), reason="MNIST is not beside the checkout"),
]


@pytest.fixture(scope="module")
def network():
    from fosc_tf import models

    made = models.get("mnist_cnn", input_shape=(28, 28, 1), num_classes=10, batch_norm_momentum=0.9)
    if WEIGHTS:
        made.load_weights(WEIGHTS)
    else:
        train(made, *mnist("train", 24000))
    return made


def mnist(part, count):
    with np.load(MNIST) as arrays:
        image, label = arrays[f"x_{part}"][:count], arrays[f"y_{part}"][:count]
    return (image[..., None] / 255.0).astype(np.float32), label.astype(np.int32)


def train(network, image, label):
    """Four epochs of PGD-7 adversarial training; epsilon grows over the first 400 steps."""

    def epsilon(step):
        return EPSILON * tf.minimum(1.0, tf.cast(step + 1, tf.float32) / 400.0)

    attack = PGD(epsilon=epsilon, step_size=lambda step: 0.35 * epsilon(step), num_steps=7)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(network.trainable_variables)

    @tf.function(autograph=False)
    def update(image, label, step):
        image = attack(network, image, label, step=step).image
        with tf.GradientTape() as tape:
            height = loss(label, network(image, training=True))
        gradient = tape.gradient(height, network.trainable_variables)
        optimizer.apply_gradients(zip(gradient, network.trainable_variables, strict=True))

    random = np.random.default_rng(0)
    step = 0
    for _ in range(4):
        for row in np.split(random.permutation(len(image)), len(image) // 96):
            update(tf.constant(image[row]), tf.constant(label[row]), tf.constant(step, tf.int64))
            step += 1


@pytest.fixture(scope="module")
def copy(network):
    import torch

    from benchmarks.torch_copy import torch_copy

    torch.set_num_threads(2)
    return torch_copy(network)


@pytest.fixture(scope="module")
def found(network, copy):
    """Who stays right under each member alone, [images] bool, ours and theirs, and the times."""
    import torch

    sys.path.insert(0, CLONE)
    from autoattack import AutoAttack as Reference

    image, label = mnist("test", IMAGES)
    ours = AutoAttack(epsilon=EPSILON)
    theirs = Reference(
        copy, norm="Linf", eps=EPSILON, version="standard", device="cpu", seed=0, verbose=False
    )
    right = {}
    for name in ours.members:
        begin = time.perf_counter()
        batches = [
            np.arange(first, min(first + BATCH, IMAGES)) for first in range(0, IMAGES, BATCH)
        ]
        adversarial = [
            ours.members[name].search(network, image[row], label[row], position=row).image.numpy()
            for row in batches
        ]
        middle = time.perf_counter()
        theirs.attacks_to_run = [name]
        reference = theirs.run_standard_evaluation(
            torch.from_numpy(image.transpose(0, 3, 1, 2)),
            torch.from_numpy(label.astype(np.int64)),
            bs=BATCH,
        )
        end = time.perf_counter()
        reference = reference.numpy().transpose(0, 2, 3, 1)
        # The same judge for both: the TensorFlow network on images inside the ball.
        assert np.abs(reference - image).max() <= EPSILON + 1e-6
        right[name] = [
            small.predicted(network, x) == label for x in (np.concatenate(adversarial), reference)
        ]
        print(
            f"\n{name}: ours {right[name][0].mean():.4f} in {middle - begin:.0f} s, "
            f"theirs {right[name][1].mean():.4f} in {end - middle:.0f} s"
        )
    return right


def tolerance(points):
    """Returns half a point for 1,000 images, more for fewer."""
    return points / 100 * max(1.0, np.sqrt(1000 / IMAGES)) + 1e-9


def test_logits_are_equal(network, copy):
    import torch

    image, _ = mnist("test", 200)
    with torch.no_grad():
        theirs = copy(torch.from_numpy(image.transpose(0, 3, 1, 2))).numpy()
    np.testing.assert_allclose(network(image, training=False), theirs, atol=1e-4)


@pytest.mark.parametrize("name", ["apgd-ce", "apgd-t", "fab-t", "square"])
def test_each_member_agrees(found, name):
    ours, theirs = (right.mean() for right in found[name])
    assert abs(ours - theirs) <= tolerance(0.5)


def test_the_ensemble_is_not_weaker(found):
    ours, theirs = (np.all([right[side] for right in found.values()], axis=0) for side in (0, 1))
    print(f"\nensemble: ours {ours.mean():.4f}, theirs {theirs.mean():.4f}")
    assert ours.mean() <= theirs.mean() + tolerance(0.2)
    assert ours.mean() >= theirs.mean() - tolerance(0.5)
