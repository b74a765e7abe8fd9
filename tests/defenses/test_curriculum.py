"""Curriculum: lessons of k = 0, 1, ..., K steps, mixed within the batch."""

import numpy as np
import pytest

from fosc_tf import defenses
from tests.attacks.toys import images, labels, mlp
from tests.data.three_parts import refused

IMAGE, LABEL = images(12), labels(12)
# Lessons of two epochs of ten steps each: k = 0, 1, 2, 3 from steps 0, 20, 40, 60 on.
LENGTHS = {"epsilon": 0.2, "steps_per_epoch": 10, "total_epochs": 8, "num_steps": 3}


@pytest.fixture(scope="module")
def network():
    return mlp(gain=3.0)


@pytest.fixture(scope="module")
def mixing():
    return defenses.get("curriculum", **LENGTHS).attack


@pytest.mark.parametrize(
    ("step", "gradients"),
    [
        (0, [0] * 12),
        (19, [0] * 12),
        (20, [0] * 6 + [1] * 6),
        (59, [0] * 4 + [1] * 4 + [2] * 4),
        (60, [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3),
        (1000, [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3),
    ],
)
def test_each_lesson_mixes_all_before_it(network, mixing, step, gradients):
    found = mixing(network, IMAGE, LABEL, step=step)
    assert found.num_gradients.numpy().tolist() == gradients
    moved = np.any(found.image.numpy() != IMAGE, axis=(1, 2, 3))
    assert moved.tolist() == [spent > 0 for spent in gradients]


@pytest.mark.parametrize(("step", "lesson"), [(0, 0), (20, 1), (45, 2), (79, 3)])
def test_without_mixing_the_whole_batch_takes_the_lesson(network, step, lesson):
    attack = defenses.get("curriculum", mixing=False, **LENGTHS).attack
    found = attack(network, IMAGE, LABEL, step=step)
    assert found.num_gradients.numpy().tolist() == [lesson] * 12


def test_step_size_is_a_quarter_of_epsilon_unless_given(mixing):
    assert mixing.step_size == 0.05
    given = defenses.get("curriculum", step_size=0.02, **LENGTHS)
    assert given.attack.step_size == 0.02


def test_every_lesson_has_an_epoch():
    refused(
        lambda: defenses.get("curriculum", **LENGTHS | {"total_epochs": 3, "num_steps": 3}),
        rule="a lesson for each number of steps from 0 to K",
        right="total_epochs=4, or num_steps=2",
        received="total_epochs=3 with num_steps=3",
    )
    lesson = defenses.get("curriculum", mixing=False, **LENGTHS | {"total_epochs": 4}).attack
    steps = LENGTHS["steps_per_epoch"]
    assert [int(lesson.num_steps(epoch * steps)) for epoch in range(4)] == [0, 1, 2, 3]
