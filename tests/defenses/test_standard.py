"""Standard: PGD-10 from a random start, as published."""

import numpy as np

from fosc_tf import defenses
from fosc_tf.attacks import PGD
from fosc_tf.objectives import adversarial
from tests.attacks.toys import images, labels, mlp


def test_the_papers_numbers():
    defense = defenses.get("standard", epsilon=8 / 255)
    record = defense.attack.parameters()
    assert (record["num_steps"], record["step_size"], record["start"]) == (10, 2 / 255, "uniform")
    assert (record["gate"], record["loss"], record["norm"]) == (None, "cross_entropy", "linf")
    assert defense.objective is adversarial
    assert not defense.schedules
    assert defense.calibrate is defense.trainer is None


def test_arguments_reach_the_attack():
    defense = defenses.get("standard", epsilon=1.0, step_size=0.5, num_steps=2, norm="l2")
    network, image, label = mlp(), images(4), labels(4)
    right = PGD(epsilon=1.0, step_size=0.5, num_steps=2, norm="l2")(network, image, label)
    np.testing.assert_array_equal(defense.attack(network, image, label).image, right.image)
