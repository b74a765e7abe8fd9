"""Friendly adversarial training: who is misclassified takes tau more steps at most."""

import numpy as np
import pytest

from fosc_tf import defenses
from tests.attacks.toys import loss_and_gradient, mlp
from tests.data.three_parts import refused
from tests.defenses import slow_training as training

NUM_STEPS, STEP_SIZE = 4, 0.06
SPENT = []


def friendly(network, image, label, step):
    """Example by example, as Algorithm 1 has it; tau is the epoch."""
    found, spent = training.uniform(image, step), []
    for row in range(len(image)):
        left, looks = step // training.STEPS, 0
        one = found[row : row + 1]
        for _ in range(NUM_STEPS):
            looks += 1
            wrong = int(np.argmax(network(one), axis=1)[0]) != label[row]
            if wrong and left == 0:
                break
            left -= wrong
            _, gradient = loss_and_gradient(network, one, label[row : row + 1])
            one = training.projected(one + STEP_SIZE * np.sign(gradient), image[row : row + 1])
        found[row] = one[0]
        spent.append(looks)
    SPENT.append(np.mean(spent))
    return found


def fat(**arguments):
    return defenses.get("fat", **{"epsilon": training.EPSILON, "steps_per_epoch": 10} | arguments)


def test_trains_what_a_loop_written_out_trains():
    network = mlp(gain=2.0)
    settings = {"num_steps": NUM_STEPS, "step_size": STEP_SIZE, "total_epochs": 3}
    defense = fat(steps_per_epoch=None, tau_epochs=(1, 2), **settings)
    logs = training.fast(network, defense)
    SPENT.clear()
    training.assert_equal(network, training.slow(mlp(gain=2.0), friendly))
    assert logs["tau"] == [0, 1, 2]
    spent = np.reshape(SPENT, (3, training.STEPS)).mean(axis=1)
    np.testing.assert_allclose(logs["gradients"], spent, rtol=1e-6)
    assert 1 < spent[0] < NUM_STEPS


def test_the_authors_numbers():
    defense = fat(epsilon=8 / 255)
    record = defense.attack.parameters()
    assert (record["num_steps"], record["step_size"], record["start"]) == (10, 2 / 255, "uniform")
    tau = defense.schedules["tau"]
    assert [int(tau(10 * epoch)) for epoch in (0, 49, 50, 89, 90, 119)] == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("total_epochs", "first", "second"), [(1, 0, 0), (2, 0, 1), (3, 1, 2), (30, 12, 22)]
)
def test_shares_of_a_short_run_are_reached(total_epochs, first, second):
    tau = fat(total_epochs=total_epochs).schedules["tau"]
    assert tau.arguments["epochs"] == (first, second)
    assert int(tau(10 * (total_epochs - 1))) == 2


def test_tau_may_stay_at_zero():
    """Then whoever is wrong at the start spends one look, and does not move."""
    network, image, label = mlp(gain=2.0), training.IMAGE, training.LABEL
    attack = fat(tau_epochs=()).attack
    found = attack(network, image, label, seed=training.SEED, step=900)
    start = training.uniform(image, 900)
    wrong = np.argmax(network(start), axis=1) != label
    assert 0 < wrong.sum() < len(image)
    assert ((found.num_gradients == 1).numpy() == wrong).all()
    assert found.stopped.numpy()[wrong].all()
    np.testing.assert_array_equal(found.image.numpy()[wrong], start[wrong])


@pytest.mark.parametrize(
    ("epochs", "rule"),
    [
        ((90, 50), "ascending"),
        ((50, 50), "ascending"),
        ((50, 120), "below total_epochs"),
        ((200,), "below total_epochs"),
        ((-1, 50), "whole number >= 0"),
        ((5.5,), "whole number >= 0"),
        (50, "a tuple of epochs"),
        ("50", "a tuple of epochs"),
    ],
)
def test_refuses_epochs_that_never_come(epochs, rule):
    received = str(epochs[0]) if rule.startswith("whole") else repr(epochs)
    refused(lambda: fat(tau_epochs=epochs), rule=rule, right="(50, 90)", received=received)
