"""Dynamic with memory: equal to the loop written out; who stops at once; c_t by share; mistakes."""

import numpy as np
import pytest

from fosc_tf import defenses
from tests.attacks.toys import loss_and_gradient
from tests.data.three_parts import refused
from tests.defenses.by_hand import (
    EPOCHS,
    NUMBER,
    STEPS,
    Canvas,
    by_hand,
    into_ball,
    trained,
    uniform_start,
)

EPSILON, STEP = 0.3, 0.1


def dynamic_memory(**arguments):
    given = {"epsilon": EPSILON, "num_examples": NUMBER, "step_size": STEP, "control_epochs": 4}
    return defenses.get("dynamic_memory", **(given | arguments))


def loop(num_steps, threshold, feasible, reset=0):
    """Returns the attack, and the gradients spent in each batch; one example after the other."""
    canvas, spent = Canvas(), []

    def attack(network, batch, epoch, step):
        clean = batch["image"]
        x = into_ball(clean + canvas.read(batch), clean, EPSILON)
        if epoch == 0 or (reset and epoch % reset == 0):
            x = uniform_start(clean, EPSILON, step)
        climbing, gradients, c_t = np.ones(len(x), bool), np.zeros(len(x)), threshold(epoch)
        for _ in range(num_steps):
            _, gradient = loss_and_gradient(network, x, batch["label"])
            gradient = np.asarray(gradient)
            gradients += climbing
            up, down = np.full_like(clean, EPSILON), np.full_like(clean, -EPSILON)
            if feasible == "box":
                up, down = np.minimum(up, 1 - clean), np.maximum(down, -clean)
            best = np.maximum(gradient * up, gradient * down)
            c = (best - (x - clean) * gradient).sum(axis=(1, 2, 3))
            climbing &= c > c_t
            ahead = into_ball(x + STEP * np.sign(gradient), clean, EPSILON)
            x = np.where(climbing[:, None, None, None], ahead, x)
        canvas.write(batch, x - clean)
        spent.append(gradients.mean())
        return x

    return attack, spent


@pytest.mark.parametrize(
    ("num_steps", "feasible", "c_max", "reset"),
    [(1, "box", 2.0, 0), (3, "ball", 2.0, 0), (3, "box", 0.7, 2)],
)
def test_equals_the_loop_written_out(num_steps, feasible, c_max, reset):
    defense = dynamic_memory(
        num_steps=num_steps, c_max=c_max, feasible=feasible, reset_epochs=reset
    )
    weights, logs, _ = trained(defense)
    attack, spent = loop(num_steps, lambda epoch: c_max * (1 - epoch / 4), feasible, reset)
    for ours, expected in zip(weights, by_hand(attack), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)
    np.testing.assert_allclose(
        logs["gradients"], np.reshape(spent, [EPOCHS, STEPS]).mean(axis=1), rtol=1e-6
    )
    assert 0 < logs["frozen"][0] < 1
    if num_steps > 1:
        assert logs["gradients"][0] < num_steps


def test_steps_may_grow_as_c_t_falls():
    """K is 1, 2, 2, 3 in four epochs, every path 0.06 long, too short for anybody to arrive."""
    defense = dynamic_memory(num_steps=3, step_size=0.02, least_steps=1, total_epochs=4, c_max=1e-9)
    _, logs, _ = trained(defense)
    assert logs["num_steps"] == logs["gradients"] == [1.0, 2.0, 2.0, 3.0]
    np.testing.assert_allclose(logs["step_size"], [0.06, 0.03, 0.03, 0.02], rtol=1e-6)


def test_a_gate_that_stops_nobody_is_no_gate():
    """With c_t = 0 it is ATTA from a uniform start, without noise."""
    gated, logs, _ = trained(dynamic_memory(num_steps=2, c_max=1e-9, c_min=0.0))
    attack, _ = loop(2, lambda epoch: -1.0, "box")
    for ours, expected in zip(gated, by_hand(attack), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)
    assert logs["gradients"] == [2.0] * EPOCHS


def test_who_stops_at_once_trains_where_it_was():
    _, logs, trainer = trained(dynamic_memory(c_max=1e9, c_min=1e9, num_steps=5))
    assert logs["gradients"] == [1.0] * EPOCHS
    assert logs["frozen"] == [1.0] * EPOCHS
    start = trainer.memory_state[0].numpy()
    assert np.all(np.abs(start) <= EPSILON + 1e-6)
    assert np.abs(start).max() > 0.9 * EPSILON


def test_c_t_may_be_what_a_share_was_below():
    """Half of the examples of a batch, a quarter after two of four epochs, of those of 8."""
    defense = dynamic_memory(stop_share=0.5, num_steps=2)
    level = defense.schedules["threshold"]
    assert float(level(0)) == -1.0
    defense.clock.learn(STEPS)
    fosc = np.float32([0.8, 0.1, 0.7, 0.2, 0.6, 0.3, 0.5, 0.4])
    level.learn(fosc, 0)
    assert float(level(1)) == pytest.approx(0.4)
    level.learn(fosc, 2 * STEPS)
    assert float(level(1)) == pytest.approx(0.2)
    level.learn(fosc, 4 * STEPS)
    assert float(level(1)) == -1.0
    _, logs, trainer = trained(dynamic_memory(stop_share=0.5, num_steps=2))
    assert logs["threshold"][-1] >= 0.0
    assert any(each is trainer.defense_state[0] for each in trainer.state["defense"])


def test_a_share_starts_anew():
    defense = dynamic_memory(refresh=0.3, steps_per_epoch=1)
    batch = type("Batch", (), {"label": np.zeros(1000, "int32")})
    shares = [defense.attack.start.anew(batch, step).numpy().mean() for step in (0, 1, 2)]
    assert shares[0] == 1.0
    np.testing.assert_allclose(shares[1:], 0.3, atol=0.06)  # four standard deviations
    assert shares[1] != shares[2]


@pytest.mark.parametrize(
    ("wrong", "rule", "received"),
    [
        ({"c_max": -0.1}, "c_t falls from c_max to c_min", "c_max=-0.1"),
        ({"c_min": 0.5, "c_max": 0.25}, "c_t falls from c_max to c_min", "c_min=0.5"),
        ({"stop_share": 1.0}, "stop_share must lie in its range [0, 1)", "stop_share=1.0"),
        ({"refresh": 1.0}, "refresh must lie in its range [0, 1)", "refresh=1.0"),
        ({"control_epochs": 0}, "whole number >= 1", "control_epochs=0"),
        ({"num_examples": None}, "how many examples", "num_examples=None"),
        ({"feasible": "cube"}, "feasible set", "cube"),
    ],
)
def test_mistakes(wrong, rule, received):
    refused(lambda: dynamic_memory(**wrong), rule=rule, right="", received=received)
