"""Any defense in periods: what its attack finds at each step, and who has no periods."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import defenses
from fosc_tf.attacks import PGD
from fosc_tf.defenses.periods import with_periods
from fosc_tf.training import AdversarialTrainer
from tests.attacks.toys import images, labels, mlp
from tests.data.three_parts import refused
from tests.defenses.arguments import arguments_of

IMAGE, LABEL = images(16), labels(16)
RISING = ("standard", "dynamic", "curriculum", "fgsm_pgd", "trades", "mart", "sat", "fat", "fast")
RISING += ("n_fgsm", "grad_align", "amata", "yopo", "atta", "atas", "dynamic_memory")
RISING += ("adaptive_atta", "fine_tuning")
ALIKE = ("unsecured", "iat", "free")


def test_every_defense_is_one_or_the_other():
    proved = {name for name in defenses.names() if _made(name).proof}
    assert {*RISING, *ALIKE} == set(defenses.names()) - proved


@pytest.mark.parametrize("name", [name for name in defenses.names() if name not in RISING])
def test_others_are_refused(name):
    refused(
        lambda: with_periods(_made(name), lengths=(2, 2), steps_per_epoch=2),
        rule="periods",
        right="periods.lengths=()",
        received="",
    )


def _made(name):
    arguments = arguments_of(name)
    arguments |= {"num_classes": 3} if "num_classes" in arguments else {}
    return defenses.get(name, **arguments)


@pytest.mark.parametrize("name", ["standard", "dynamic", "trades", "n_fgsm"])
@pytest.mark.parametrize("step", [1, 3, 4, 7])
def test_at_each_step_it_is_the_attack_of_that_radius(name, step):
    """A cosine to twice epsilon, cut: after one of four steps 0.1465 of the way, then 0.8536."""
    radius = {0: 0.0, 1: 0.1 * (1 - np.sqrt(0.5)), 2: 0.1, 3: 0.1}[step % 4]
    network = mlp(gain=2.0)
    arguments = arguments_of(name)
    arguments |= {"c_max": 1e-9} if name == "dynamic" else {}
    rising = with_periods(defenses.get(name, **arguments), lengths=(2, 2), steps_per_epoch=2)
    found = rising.attack(network, IMAGE, LABEL, seed=1, step=step).image
    if radius == 0.0:
        np.testing.assert_array_equal(found, IMAGE)
        return
    plain = defenses.get(name, **arguments | {"epsilon": radius}).attack
    expected = plain(network, IMAGE, LABEL, seed=1, step=step).image
    # Radii differ in their last bit, and whoever stands on a limit moves by as much.
    np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("name", RISING)
def test_trains_in_its_periods(name):
    defense = with_periods(_made(name), lengths=(1, 1), peak=1.5, steps_per_epoch=2)
    trainer = AdversarialTrainer(mlp(), defense, fosc_every=1)
    trainer.compile("sgd")
    data = {"image": images(32), "label": labels(32), "id": np.arange(32, dtype=np.int64)}
    seen = trainer.fit(tf.data.Dataset.from_tensor_slices(data).batch(16), epochs=2, verbose=0)
    # The last of two steps of a period is half way: 0.75 of epsilon.
    np.testing.assert_allclose(seen.history["epsilon"], [0.075, 0.075], rtol=1e-5)
    assert np.isfinite(seen.history["loss"]).all()


def test_the_step_keeps_its_share():
    attack = PGD(epsilon=0.2, step_size=0.05, num_steps=1, start="clean")
    standard = defenses.get("standard", epsilon=0.2)
    rising = with_periods(
        dataclasses.replace(standard, attack=attack),
        lengths=(4,),
        peak=1.0,
        shape="linear",
        steps_per_epoch=1,
    )
    grey = np.full_like(IMAGE, 0.5)
    for step, length in enumerate([0.0, 0.0125, 0.025, 0.0375, 0.05]):
        moved = np.abs(rising.attack(mlp(), grey, LABEL, step=step).image - grey)
        np.testing.assert_allclose(moved.max(), length, atol=1e-7)


@pytest.mark.parametrize(
    ("arguments", "rule", "right", "received"),
    [
        ({"lengths": ()}, "at least one period", "(100,)", "()"),
        ({"lengths": (2, 2), "total_epochs": 5}, "end with the run", "total_epochs=4", "(2, 2)"),
        ({"lengths": (2,), "peak": 0.5}, "to the target or beyond", "highest=0.4", "highest=0.1"),
        ({"lengths": (2,), "lowest": 1.0}, "below its target", "lowest=0.0", "lowest=0.2"),
        ({"lengths": (2,), "shape": "square"}, "shape of the rise", "cosine", "square"),
        ({"lengths": (2,), "peak": "two"}, "peak", "peak=2.0", "two"),
    ],
)
def test_refused(arguments, rule, right, received):
    standard = defenses.get("standard", epsilon=0.2)
    refused(lambda: with_periods(standard, **arguments), rule=rule, right=right, received=received)


def test_not_twice():
    once = with_periods(defenses.get("standard", epsilon=0.2), lengths=(2,))
    refused(
        lambda: with_periods(once, lengths=(2,)),
        rule="one ball for all",
        right="standard, dynamic",
        received="periodic_epsilon",
    )
