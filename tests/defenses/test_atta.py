"""ATTA: equal to the loop written out, with and without augmentation; resets; mistakes."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import defenses
from fosc_tf.data import CropFlip
from tests.attacks.toys import loss_and_gradient
from tests.data.three_parts import refused
from tests.defenses.by_hand import NUMBER, SEED, Canvas, by_hand, into_ball, trained

EPSILON, STEP = 0.3, 0.1


def atta(**arguments):
    return defenses.get("atta", **({"epsilon": EPSILON, "num_examples": NUMBER} | arguments))


def loop(num_steps, reset, pad=0, shrink=1):
    canvas = Canvas(pad, shrink)

    def attack(network, batch, epoch, step):
        clean = batch["image"]
        anew = epoch == 0 or (reset and epoch % reset == 0)
        noise = 0.001 * tf.random.stateless_normal([len(clean), clean[0].size], [SEED, step])
        x = clean + noise.numpy().reshape(clean.shape)
        x = into_ball(x if anew else x + canvas.read(batch), clean, EPSILON)
        for _ in range(num_steps):
            _, gradient = loss_and_gradient(network, x, batch["label"])
            x = into_ball(x + STEP * np.sign(gradient), clean, EPSILON)
        canvas.write(batch, x - clean, anew)
        return x

    return attack


@pytest.mark.parametrize(("num_steps", "reset"), [(1, 0), (2, 2)])
def test_equals_the_loop_written_out(num_steps, reset):
    weights, logs, _ = trained(atta(num_steps=num_steps, step_size=STEP, reset_epochs=reset))
    for ours, expected in zip(weights, by_hand(loop(num_steps, reset)), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)
    assert logs["gradients"] == [num_steps] * len(logs["gradients"])


@pytest.mark.parametrize("pad", [0, 1])
def test_squares_of_pixels_are_remembered_by_their_mean(pad):
    """Algorithm 5.2 of Liu's thesis: a canvas of 6x6 in squares of 4x4, three of them cut."""
    augment = CropFlip(pad=pad, flip=True) if pad else None
    defense = atta(step_size=STEP, reset_epochs=0, augment=augment, memory_shrink=3 + pad)
    weights, _, _ = trained(defense, augment)
    expected = by_hand(loop(1, 0, pad, shrink=3 + pad), augment)
    for ours, right in zip(weights, expected, strict=True):
        np.testing.assert_allclose(ours, right, atol=1e-5)
    assert defense.memory.bytes() == NUMBER * 4 * 4


@pytest.mark.parametrize("reset", [0, 2])
def test_perturbations_go_through_crop_and_flip_and_back(reset):
    augment = CropFlip(pad=1, flip=True)
    defense = atta(step_size=STEP, reset_epochs=reset, augment=augment)
    weights, _, _ = trained(defense, augment)
    expected = by_hand(loop(1, reset, pad=1), augment)
    for ours, right in zip(weights, expected, strict=True):
        np.testing.assert_allclose(ours, right, atol=1e-5)


def test_resets_more_often_in_the_first_five_epochs():
    """Amata + ATTA: epochs 0, 2, 4, and then multiples of ten."""
    defense = atta(steps_per_epoch=1, early_reset_epochs=2)
    start, batch = defense.attack.start, type("Batch", (), {"label": tf.zeros(1)})
    found = [bool(start.anew(batch, tf.constant(epoch, tf.int64))[0]) for epoch in range(21)]
    assert [epoch for epoch, anew in enumerate(found) if anew] == [0, 2, 4, 10, 20]


@pytest.mark.parametrize(("num_steps", "share"), [(1, 2), (2, 2), (3, 3), (10, 4)])
def test_steps_are_shorter_where_there_are_more(num_steps, share):
    assert atta(num_steps=num_steps).attack.step_size == pytest.approx(EPSILON / share)


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_smaller_memories_are_near(dtype):
    exact, _, _ = trained(atta(step_size=STEP))
    weights, _, trainer = trained(atta(step_size=STEP, memory_dtype=dtype))
    assert trainer.defense.memory.bytes() == NUMBER * 16 * (2 if dtype == "float16" else 1)
    for ours, right in zip(weights, exact, strict=True):
        np.testing.assert_allclose(ours, right, atol=0.02)


@pytest.mark.parametrize(
    ("wrong", "rule", "received"),
    [
        ({"num_examples": None}, "how many examples", "num_examples=None"),
        ({"memory_dtype": "float8"}, "dtype of a memory", "float8"),
        ({"memory_shrink": 0}, "whole number >= 1", "shrink=0"),
        ({"reset_epochs": -1}, "whole number >= 0", "reset_epochs=-1"),
        ({"augment": lambda image: image}, "find its way back", "augment="),
        ({"num_steps": 0}, "whole number >= 1", "num_steps=0"),
    ],
)
def test_mistakes(wrong, rule, received):
    refused(lambda: atta(**wrong), rule=rule, right="", received=received)
