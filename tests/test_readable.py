"""Values of the package in one readable line."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import fosc_tf
from fosc_tf import attacks, readable
from fosc_tf.attacks import gates
from fosc_tf.attacks.attack import declared
from fosc_tf.attacks.autoattack.apgd import APGD, TargetedAPGD
from fosc_tf.attacks.autoattack.square import Square
from fosc_tf.evaluation.stages import stages
from fosc_tf.memory import Memory, Spec
from fosc_tf.training import AdversarialTrainer, WeightAverage, WeightPerturbation
from fosc_tf.types import Found
from tests.defenses.arguments import arguments_of

PGD = attacks.PGD(epsilon=0.3, step_size=0.075, num_steps=10)
SAID = "PGD(epsilon=0.3, step_size=0.075, num_steps=10)"


def named():
    network = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()], name="mine")
    network.add(keras.layers.Dense(3))
    return network


LINES = [
    (PGD, SAID),
    (
        attacks.PGD(epsilon=8 / 255, step_size=2 / 255, num_steps=3, gate=attacks.fosc_above(0.2)),
        "PGD(epsilon=0.0313725, step_size=0.00784314, num_steps=3, gate=FoscAbove(threshold=0.2))",
    ),
    (
        attacks.PGD(
            epsilon=0.5,
            step_size=lambda step: 0.1,
            num_steps=attacks.Mixed(3),
            norm="l2",
            start="clean",
            loss="cw",
            gate=gates.still_right,
        ),
        "PGD(epsilon=0.5, step_size=<lambda>, num_steps=Mixed(strength=3), norm='l2', "
        "gate=still_right, start='clean', loss='cw')",
    ),
    (
        declared(lambda *args, **named: PGD(*args, **named)),
        f"Wrapped(function=<lambda>, attacks=[{SAID}])",
    ),
    (attacks.AutoAttack(epsilon=0.3), "AutoAttack(epsilon=0.3, norm='linf', version='standard')"),
    (
        attacks.AutoAttack(epsilon=0.3, members=[Square(epsilon=0.3, num_steps=9)]),
        "AutoAttack(epsilon=0.3, norm='linf', members=[Square(epsilon=0.3, num_steps=9)])",
    ),
    (APGD(epsilon=0.3), "APGD(epsilon=0.3)"),
    (TargetedAPGD(epsilon=0.3, num_targets=3), "TargetedAPGD(epsilon=0.3, num_targets=3)"),
    (gates.Friendly(tau=2), "Friendly(tau=2)"),
    (WeightAverage(0.99), "WeightAverage(decay=0.99, from_epoch=0)"),
    (WeightPerturbation(0.01), "WeightPerturbation(gamma=0.01, from_epoch=0)"),
    (
        Memory(5, {"shift": Spec((8, 8, 1)), "visits": Spec(dtype="int32")}),
        "Memory(num_examples=5, shift=[5, 8, 8, 1] float32, visits=[5] int32)",
    ),
    (fosc_tf.defenses.get("unsecured"), "Defense(objective=adversarial)"),
    (
        fosc_tf.defenses.get("dynamic", epsilon=0.3, c_max="auto", c_min=0.1),
        "Defense(attack=PGD(epsilon=0.3, step_size=0.075, num_steps=10, "
        "gate=FoscAbove(threshold=fosc_threshold(c_max='auto', control_epochs=40, c_min=0.1))), "
        "objective=adversarial, "
        "schedules={threshold: fosc_threshold(c_max='auto', control_epochs=40, c_min=0.1)}, "
        "state=(nan))",
    ),
    (
        fosc_tf.defenses.get("fgsm_pgd", epsilon=0.3).schedules["step_size"],
        "switch(before=0.3, after=0.075, epoch=20)",
    ),
    (
        fosc_tf.defenses.get("curriculum", epsilon=0.3).schedules["strength"],
        "staircase(highest=10, total_epochs=50)",
    ),
    (stages("pgd-10", epsilon=0.3), f"Stages(name='pgd-10', attacks={{pgd-10: {SAID}}})"),
    (stages("clean@5", epsilon=0.3), "Stages(name='clean@5', attacks={}, examples=5)"),
    (
        AdversarialTrainer(named(), fosc_tf.defenses.get("unsecured"), validation_attack=PGD),
        "AdversarialTrainer(network='mine', defense=Defense(objective=adversarial), "
        f"validation_attack={SAID})",
    ),
]


@pytest.mark.parametrize(("value", "said"), LINES, ids=[type(each).__name__ for each, _ in LINES])
def test_one_line_tells_what_matters(value, said):
    assert repr(value) == said


def test_no_defense_shows_an_address():
    for name in fosc_tf.defenses.names():
        line = repr(fosc_tf.defenses.get(name, **arguments_of(name)))
        assert not re.search(r"0x[0-9a-f]{6}|\n", line), line


def test_what_an_attack_found_is_said_by_its_span():
    image = np.full([4, 2, 2, 1], 0.5, np.float32)
    nan = float("nan")
    found = Found(
        image, tf.constant([0.25, nan, 1.0, 0.5]), tf.fill([4], nan), np.int32([3, 3, 3, 3])
    )
    assert repr(found) == (
        "Found(image [4, 2, 2, 1], fosc 0.25 to 1, loss unknown, num_gradients 3)"
    )
    stopped = found._replace(stopped=tf.constant([True, False, False, False]), seen={"norm": nan})
    assert repr(stopped).endswith("num_gradients 3, stopped 1 of 4, seen norm)")
    lines = []
    tf.function(lambda x: lines.append(repr(found._replace(fosc=x))) or x)(tf.zeros([4]))
    assert "fosc [4]" in lines[0]


def test_what_autoattack_found_is_one_line():
    network, image = named(), np.random.default_rng(0).random([3, 4, 4, 1], np.float32)
    attack = attacks.AutoAttack(epsilon=0.1, members=[Square(epsilon=0.1, num_steps=2)])
    line = repr(attack(network, image, np.zeros(3, np.int32)))
    assert line.startswith("AutoAttackFound(image [3, 4, 4, 1], robust ")
    assert "accuracy {clean: " in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.1 + 0.2, "0.3"),
        (np.float32(0.1), "0.1"),
        (1, "1"),
        (True, "True"),
        ("linf", "'linf'"),
        (None, "None"),
        (tf.constant(2.5), "2.5"),
        (np.zeros([2, 3]), "[2, 3] float64"),
        ([1, 0.5], "[1, 0.5]"),
        ({"a": (1.0,)}, "{a: (1)}"),
        (len, "len"),
        (dict, "dict"),
    ],
)
def test_readable(value, said):
    assert readable.readable(value) == said


@pytest.mark.parametrize(("number", "said"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs")])
def test_amount(number, said):
    assert readable.amount(number, "run") == said
