"""Dynamic: the gate follows c_t, and c_max can be measured."""

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import defenses
from fosc_tf.attacks import PGD, fosc_above
from tests.attacks.toys import Linear, images, labels, loss_and_gradient, mlp
from tests.data.three_parts import refused

IMAGE, LABEL = images(24), labels(24)


def dynamic(**arguments):
    return defenses.get("dynamic", **({"epsilon": 0.3, "steps_per_epoch": 10} | arguments))


def test_the_papers_numbers():
    defense = dynamic()
    assert (defense.attack.num_steps, defense.attack.step_size) == (10, 0.075)
    assert defense.attack.parameters()["start"] == "uniform"
    thresholds = [
        float(defense.schedules["threshold"](tf.constant(10 * t, tf.int64)))
        for t in (0, 20, 40, 49)
    ]
    np.testing.assert_allclose(thresholds, [0.5, 0.25, 0.0, 0.0])
    assert defense.state == ()


def test_climbs_with_the_threshold_of_its_epoch():
    """c_t = 1.0, 0.5, 0 in epochs 0, 1, 2: the attack equals a gate of that number."""
    network = mlp(gain=1.5)
    defense = dynamic(c_max=1.0, control_epochs=2, num_steps=6)
    spent = []
    for epoch, threshold in enumerate((1.0, 0.5, 0.0)):
        step = 10 * epoch + 3
        found = defense.attack(network, IMAGE, LABEL, seed=1, step=step)
        gated = PGD(epsilon=0.3, step_size=0.075, num_steps=6, gate=fosc_above(threshold))
        right = gated(network, IMAGE, LABEL, seed=1, step=step)
        for one, other in zip(found, right, strict=True):
            np.testing.assert_array_equal(one, other)
        spent.append(found.num_gradients.numpy().mean())
    assert 2 <= spent[0] < spent[1] < spent[2] <= 6


def test_auto_is_the_mean_fosc_of_fgsm_examples():
    """Measured apart from the core: one step of epsilon from the clean images, then FOSC there."""
    network = mlp(gain=1.5)
    defense = dynamic(c_max="auto")
    assert np.isnan(defense.schedules["threshold"](tf.constant(0, tf.int64)))
    defense.calibrate(network, IMAGE, LABEL)
    _, gradient = loss_and_gradient(network, IMAGE, LABEL)
    fgsm = np.clip(IMAGE + 0.3 * np.sign(gradient), 0, 1)
    _, gradient = loss_and_gradient(network, fgsm, LABEL)
    c = 0.3 * np.abs(gradient).sum(axis=(1, 2, 3)) - ((fgsm - IMAGE) * gradient).sum(axis=(1, 2, 3))
    assert c.mean() > 0.1
    np.testing.assert_allclose(defense.state[0], c.mean(), rtol=1e-4)
    half_way = defense.schedules["threshold"](tf.constant(200, tf.int64))
    np.testing.assert_allclose(half_way, c.mean() / 2, rtol=1e-4)


def test_auto_is_measured_once():
    defense = dynamic(c_max="auto")
    defense.calibrate(mlp(gain=1.5), IMAGE, LABEL)
    first = float(defense.state[0])
    defense.calibrate(mlp(gain=3.0), IMAGE, LABEL)
    assert float(defense.state[0]) == first
    defense.state[0].assign(0.25)  # as a restored checkpoint would
    defense.calibrate(mlp(gain=3.0), IMAGE, LABEL)
    assert float(defense.state[0]) == 0.25


def test_auto_measures_in_the_norm_and_set_of_the_defense():
    """White pixels on a rising linear loss: c_box is 0 at once, c_ball is not."""
    white = np.ones((4, 4, 4, 1), "float32")
    measured = {}
    for feasible in ("ball", "box"):
        defense = dynamic(c_max="auto", feasible=feasible)
        defense.calibrate(Linear(np.full(16, 0.01)), white, np.zeros(4, "int32"))
        measured[feasible] = float(defense.state[0])
    assert measured["box"] == pytest.approx(0.0, abs=1e-7)
    # Cross-entropy of logits [0, 0.16]: its slope is w times the probability of class 1.
    assert measured["ball"] == pytest.approx(0.3 * 0.16 / (1 + np.exp(-0.16)), rel=1e-5)


def test_self_weighted_replaces_the_objective_only():
    plain, weighted = dynamic(), dynamic(self_weighted=True)
    assert plain.objective is not weighted.objective
    assert plain.attack.parameters().keys() == weighted.attack.parameters().keys()


@pytest.mark.parametrize("c_max", [0, -0.5, float("inf"), "automatic"])
def test_refuses_a_ceiling_that_is_none(c_max):
    refused(
        lambda: dynamic(c_max=c_max),
        rule='positive number of nats or "auto"',
        right="0.5",
        received=f"c_max={c_max!r}",
    )


def test_refuses_no_control_epochs():
    refused(lambda: dynamic(control_epochs=0), rule="whole number >= 1", right="40", received="0")


@pytest.mark.parametrize("c_min", [-0.1, 0.6, float("nan")])
def test_refuses_a_floor_above_the_ceiling(c_min):
    refused(
        lambda: dynamic(c_max=0.5, c_min=c_min),
        rule="c_min must be",
        right="c_min=0.0",
        received=f"c_min={c_min!r}",
    )
