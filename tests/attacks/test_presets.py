"""The papers' attacks by name."""

import numpy as np
import pytest

from fosc_tf import attacks
from tests.attacks.toys import Linear, images, labels, mlp
from tests.data.three_parts import refused


def numbers(attack):
    return attack.num_steps, attack.step_size, attack.parameters()["start"]


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("fgsm", (1, 0.2, "clean")),
        ("fgsm-rs", (1, 0.25, "uniform")),
        ("pgd-10", (10, 0.05, "uniform")),
        ("pgd-20", (20, 0.05, "uniform")),
        ("cw-linf", (30, 0.05, "uniform")),
    ],
)
def test_numbers_of_the_papers(name, right):
    attack = attacks.get(name, epsilon=0.2)
    assert numbers(attack) == right
    assert attack.epsilon == 0.2
    assert attack.parameters()["loss"] == ("cw" if name == "cw-linf" else "cross_entropy")
    assert attack.gate is None


@pytest.mark.parametrize("name", ["fgsm-rs", "pgd-7", "cw-linf"])
def test_a_step_size_of_ones_own(name):
    assert attacks.get(name, epsilon=0.2, step_size=0.01).step_size == 0.01


def test_norms():
    assert attacks.get("pgd-5", epsilon=2.0, norm="l2").norm == "l2"


def test_fgsm_is_one_full_sign_step_from_the_clean_image():
    image, weight = images(5), np.linspace(-1.1, 1, 16)
    found = attacks.get("fgsm", epsilon=0.1)(Linear(weight), image, np.ones(5, "int32"))
    # Cross-entropy at class 1 rises where w.x falls.
    right = np.clip(image - 0.1 * np.sign(weight).reshape(1, 4, 4, 1), 0, 1)
    np.testing.assert_allclose(found.image, right, atol=1e-6)
    np.testing.assert_array_equal(found.num_gradients, [1] * 5)


def test_more_steps_are_stronger():
    network, image, label = mlp(gain=4.0), images(32), labels(32)
    loss = [
        attacks.get(name, epsilon=0.2)(network, image, label, final_fosc=True).loss.numpy().mean()
        for name in ("pgd-1", "pgd-3", "pgd-10")
    ]
    assert loss[0] < loss[1] < loss[2]


@pytest.mark.parametrize("name", ["pdg-10", "pgd", "pgd-", "pgd--1", "FGSM", "pgd-2.5", 20])
def test_unknown_names(name):
    error = refused(
        lambda: attacks.get(name, epsilon=0.2),
        rule="attack must be a known one",
        right="fab-t, fgsm, fgsm-rs, foolbox:pgd-K, pgd-K, square",
        received=f"attack={name!r}",
    )
    if str(name).startswith("p"):
        assert "nearest: pgd-K" in error.right


def test_numbers_out_of_range():
    for name, arguments, received in (
        ("pgd-0", {"epsilon": 0.2}, "num_steps=0"),
        ("pgd-10", {"epsilon": 8}, "epsilon=8"),
        ("pgd-10", {"epsilon": 0.2, "step_size": 0}, "step_size=0"),
        ("cw-linf", {"epsilon": 0.2, "step_size": 0.5}, "step_size=0.5"),
        ("fgsm-rs", {"epsilon": 0.2, "step_size": 0.0}, "step_size=0"),
        ("fgsm", {"epsilon": "8/255"}, "epsilon='8/255'"),
        ("fgsm-rs", {"epsilon": "8/255"}, "epsilon='8/255'"),
        ("pgd-10", {"epsilon": None}, "epsilon=None"),
        ("cw-linf", {"epsilon": "8/255"}, "epsilon='8/255'"),
        ("art:pgd-10", {"epsilon": "8/255"}, "epsilon='8/255'"),
        ("art:pgd-10", {"epsilon": lambda step: step, "step_size": 0.1}, "epsilon=<function"),
    ):
        refused(
            lambda name=name, arguments=arguments: attacks.get(name, **arguments),
            rule="must",
            right="",
            received=received,
        )
