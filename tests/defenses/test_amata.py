"""Amata: few long steps at first, many short ones at last."""

import numpy as np
import pytest

from fosc_tf import defenses
from fosc_tf.attacks import PGD
from fosc_tf.defenses.annealing import annealed
from fosc_tf.schedules import Clock
from tests.attacks.toys import images, labels, loss_and_gradient, mlp
from tests.data.three_parts import refused
from tests.defenses import slow_training as training

# K_t = 2 + 4 t / 3, rounded: 2, 3.33, 4.67.
STEPS = (2, 3, 5)
SETTINGS = {"epsilon": training.EPSILON, "step_size": 0.05, "num_steps": 6, "total_epochs": 3}


def annealed_pgd(network, image, label, step):
    """Algorithm 1: K_t steps of tau / K_t."""
    steps = STEPS[step // training.STEPS]
    found = training.uniform(image, step)
    for _ in range(steps):
        _, gradient = loss_and_gradient(network, found, label)
        found = training.projected(found + 6 * 0.05 / steps * np.sign(gradient), image)
    return found


def test_trains_what_a_loop_written_out_trains():
    network = mlp(gain=2.0)
    logs = training.fast(network, defenses.get("amata", **SETTINGS))
    training.assert_equal(network, training.slow(mlp(gain=2.0), annealed_pgd))
    assert logs["num_steps"] == list(STEPS)
    np.testing.assert_allclose(logs["step_size"], 0.3 / np.array(STEPS), rtol=1e-6)
    assert logs["gradients"] == list(STEPS)


@pytest.mark.parametrize("epoch", [0, 1, 2, 3])
def test_counted_gradients_are_the_steps_of_the_epoch(epoch):
    attack = defenses.get("amata", steps_per_epoch=10, **SETTINGS).attack
    found = attack(mlp(), images(4), labels(4), step=10 * epoch + 9)
    assert found.num_gradients.numpy().tolist() == [(*STEPS, 6)[epoch]] * 4


def test_the_papers_numbers():
    defense = defenses.get("amata", epsilon=8 / 255, steps_per_epoch=10)
    steps, size = (defense.schedules[name] for name in ("num_steps", "step_size"))
    assert [int(steps(10 * t)) for t in (0, 50, 99)] == [2, 6, 10]
    np.testing.assert_allclose([size(0), size(990)], [10 / 255, 2 / 255], rtol=1e-6)
    assert defense.attack.parameters()["start"] == "uniform"


def test_from_the_last_epoch_on_it_is_standard():
    attack = defenses.get("amata", steps_per_epoch=1, **SETTINGS).attack
    standard = PGD(epsilon=training.EPSILON, step_size=0.05, num_steps=6)
    network, image, label = mlp(gain=2.0), images(6), labels(6)
    for one in (3, 50):
        found = attack(network, image, label, seed=1, step=one)
        right = standard(network, image, label, seed=1, step=one)
        np.testing.assert_allclose(found.image, right.image, atol=1e-6)


def test_an_exponential_rises_early():
    counts = {}
    for shape in ("linear", "exponential"):
        settings = {"total_epochs": 10, "shape": shape, "eta": 0.5, "steps_per_epoch": 1}
        schedule = defenses.get("amata", epsilon=0.1, **settings).schedules["num_steps"]
        counts[shape] = [int(schedule(step)) for step in range(11)]
    # 2 + 8 (1 - e^-0.5) / (1 - e^-5) = 5.17 after one epoch.
    assert counts["exponential"][:2] == [2, 5]
    assert counts["linear"][:2] == [2, 3]
    assert counts["linear"][10] == counts["exponential"][10] == 10


@pytest.mark.parametrize(
    ("bad", "rule", "right", "received"),
    [
        ({"least_steps": 0}, "least_steps must be a whole number >= 1", "2", "least_steps=0"),
        ({"least_steps": 1.5}, "least_steps must be a whole", "2", "least_steps=1.5"),
        ({"least_steps": 11}, "at most num_steps", "least_steps=10", "least_steps=11"),
        ({"least_steps": 1}, "at most 2 * epsilon", "least_steps=2", "least_steps=1"),
        ({"least_steps": 2, "step_size": 0.05}, "at most 2", "least_steps=3", "step_size=0.05"),
        ({"shape": "square"}, "shape of annealing", "linear", "square"),
        ({"eta": 0.0, "shape": "exponential"}, "eta bends", "eta=1.0", "eta=0.0"),
    ],
)
def test_refuses_what_is_no_annealing(bad, rule, right, received):
    # 10 steps of epsilon / 4 are 2.5 epsilon long, those of 0.05 five.
    refused(
        lambda: defenses.get("amata", epsilon=0.1, **bad),
        rule=rule,
        right=right,
        received=received,
    )


def test_what_is_annealed_serves_any_attack():
    changing = annealed(
        epsilon=0.2,
        step_size=None,
        num_steps=4,
        least_steps=1,
        total_epochs=2,
        clock=Clock(1),
    )
    found = [
        PGD(epsilon=0.2, **changing)(mlp(), images(2), labels(2), step=step) for step in range(3)
    ]
    assert [one.num_gradients.numpy().tolist() for one in found] == [[1, 1], [3, 3], [4, 4]]
