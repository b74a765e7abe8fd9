"""ATAS: equal to the loop written out; step sizes by hand; mistakes."""

import numpy as np
import pytest

from fosc_tf import defenses
from tests.attacks.toys import loss_and_gradient
from tests.data.three_parts import refused
from tests.defenses.by_hand import NUMBER, Canvas, by_hand, into_ball, trained, uniform_start

EPSILON = 0.3


def atas(**arguments):
    return defenses.get("atas", **({"epsilon": EPSILON, "num_examples": NUMBER} | arguments))


def loop(constant_epochs, reset, constant, beta):
    canvas, squares, lengths = Canvas(), np.zeros(NUMBER), []

    def attack(network, batch, epoch, step):
        clean, ids = batch["image"], batch["id"]
        x = into_ball(clean + canvas.read(batch), clean, EPSILON)
        if epoch == 0 or (reset and epoch % reset == 0):
            x = uniform_start(clean, EPSILON, step)
        _, gradient = loss_and_gradient(network, x, batch["label"])
        gradient = np.asarray(gradient)
        squares[ids] = beta * squares[ids] + (1 - beta) * (gradient**2).sum(axis=(1, 2, 3))
        length = 2 * EPSILON * constant / (constant + np.sqrt(squares[ids]))
        length = np.clip(length, 0.5 * EPSILON, 1.75 * EPSILON)
        if epoch < constant_epochs:
            length = np.full(len(ids), EPSILON)
        lengths.append(length)
        x = into_ball(x + length[:, None, None, None] * np.sign(gradient), clean, EPSILON)
        canvas.write(batch, x - clean)
        return x

    return attack, lengths


@pytest.mark.parametrize(
    ("constant_epochs", "reset", "constant", "beta"), [(0, 0, 1.28, 0.5), (1, 2, 0.3, 0.9)]
)
def test_equals_the_loop_written_out(constant_epochs, reset, constant, beta):
    arguments = {"constant_epochs": constant_epochs, "constant": constant, "beta": beta}
    weights, logs, _ = trained(atas(reset_epochs=reset, **arguments))
    attack, lengths = loop(constant_epochs, reset, constant, beta)
    for ours, expected in zip(weights, by_hand(attack), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)
    assert logs["gradients"] == [1.0] * len(logs["gradients"])
    own = np.concatenate(lengths)
    assert 0.15 - 1e-6 <= own.min() < own.max() <= 0.525 + 1e-6


@pytest.mark.parametrize(
    ("wrong", "rule", "received"),
    [
        ({"beta": 1.0}, "beta must lie in its range [0, 1)", "beta=1.0"),
        ({"beta": -0.1}, "beta must lie in its range [0, 1)", "beta=-0.1"),
        ({"constant": 0}, "constant must lie in its range (0, inf)", "constant=0"),
        ({"least_step_size": 0.5, "most_step_size": 0.4}, "between their limits", "0.5 with"),
        ({"most_step_size": 0.7}, "between their limits", "most_step_size=0.7"),
        ({"step_size": 0.7}, "at most 2 * epsilon", "step_size=0.7"),
        ({"num_examples": None}, "how many examples", "num_examples=None"),
    ],
)
def test_mistakes(wrong, rule, received):
    refused(lambda: atas(**wrong), rule=rule, right="", received=received)
