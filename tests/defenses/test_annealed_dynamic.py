"""Amata + Dynamic: steps grow in number and shorten while the threshold falls."""

import numpy as np
import pytest

from fosc_tf import defenses
from tests.attacks.toys import assert_same, images, labels, loss_and_gradient, mlp
from tests.data.three_parts import refused
from tests.defenses import slow_training as training

STEPS = (2, 3, 5)  # 2 + 4 t / 3, rounded
THRESHOLDS = (1.0, 0.5, 0.0)
SETTINGS = {
    "epsilon": training.EPSILON,
    "step_size": 0.05,
    "num_steps": 6,
    "least_steps": 2,
    "total_epochs": 3,
    "c_max": 1.0,
    "control_epochs": 2,
}
SPENT = []


def annealed_dynamic(network, image, label, step):
    """After each step an example whose FOSC is at most c_t stops."""
    epoch = step // training.STEPS
    found, climbs = training.uniform(image, step), np.full(len(image), True)
    spent = np.zeros(len(image))
    for done in range(STEPS[epoch]):
        _, gradient = loss_and_gradient(network, found, label)
        spent += climbs
        reach = training.EPSILON * np.abs(gradient).sum(axis=(1, 2, 3))
        fosc = reach - ((found - image) * gradient).sum(axis=(1, 2, 3))
        climbs &= (done == 0) | (fosc > THRESHOLDS[epoch])
        moved = training.projected(found + 0.3 / STEPS[epoch] * np.sign(gradient), image)
        found = np.where(climbs[:, None, None, None], moved, found)
    SPENT.append(spent.mean())
    return found


def test_trains_what_a_loop_written_out_trains():
    network = mlp(gain=2.0)
    logs = training.fast(network, defenses.get("dynamic", **SETTINGS))
    SPENT.clear()
    training.assert_equal(network, training.slow(mlp(gain=2.0), annealed_dynamic))
    assert logs["num_steps"] == list(STEPS)
    np.testing.assert_allclose(logs["step_size"], 0.3 / np.array(STEPS), rtol=1e-6)
    np.testing.assert_allclose(logs["threshold"], THRESHOLDS, atol=1e-7)
    spent = np.reshape(SPENT, (3, training.STEPS)).mean(axis=1)
    np.testing.assert_allclose(logs["gradients"], spent, rtol=1e-6)
    assert 0 < logs["frozen"][1] < 1


def test_without_least_steps_nothing_changes():
    plain = {name: value for name, value in SETTINGS.items() if name != "least_steps"}
    defense = defenses.get("dynamic", **plain)
    assert list(defense.schedules) == ["threshold"]
    assert (defense.attack.num_steps, defense.attack.step_size) == (6, 0.05)
    older = {name: value for name, value in plain.items() if name != "total_epochs"}
    networks = mlp(gain=2.0), mlp(gain=2.0)
    for network, arguments in zip(networks, (plain, older), strict=True):
        training.fast(network, defenses.get("dynamic", **arguments))
    assert_same(*(network.get_weights() for network in networks))


@pytest.mark.parametrize("epoch", [0, 1, 2, 3])
def test_when_nobody_stops_it_spends_what_amata_spends(epoch):
    """On a step of epoch 2 and later c_t is 0, which hardly anyone reaches."""
    both = {name: SETTINGS[name] for name in SETTINGS if name not in ("c_max", "control_epochs")}
    network, image, label = mlp(gain=2.0), images(8), labels(8)
    found = [
        defense.attack(network, image, label, seed=2, step=epoch + 2)
        for defense in (
            defenses.get("amata", steps_per_epoch=1, **both),
            defenses.get("dynamic", steps_per_epoch=1, **SETTINGS),
        )
    ]
    for one in found:
        assert one.num_gradients.numpy().tolist() == [(5, 6, 6, 6)[epoch]] * 8
    np.testing.assert_allclose(found[0].image, found[1].image, atol=1e-6)


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        ({"least_steps": 7}, "at most num_steps"),
        ({"least_steps": 1, "step_size": 0.1}, "at most 2 * epsilon"),
        ({"total_epochs": 0, "least_steps": None}, "total_epochs must be a whole number >= 1"),
    ],
)
def test_refuses_what_is_no_annealing(bad, rule):
    refused(lambda: defenses.get("dynamic", **SETTINGS | bad), rule=rule, right="", received="=")
