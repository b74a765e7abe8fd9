"""Learning rates at the very steps where they fall."""

import keras
import numpy as np
import pytest

from fosc_tf.schedules import Clock, learning_rate, step_decay
from tests.data.three_parts import refused


def test_falls_with_the_first_step_of_each_epoch():
    rate = step_decay(0.01, drop_epochs=(2, 4), drop_factor=0.1, clock=Clock(5))
    steps = (0, 9, 10, 11, 19, 20, 21, 1000)
    found = [float(rate(step)) for step in steps]
    np.testing.assert_allclose(found, [1e-2, 1e-2, 1e-3, 1e-3, 1e-3, 1e-4, 1e-4, 1e-4], rtol=1e-6)


def test_the_papers_rates():
    rate = step_decay(0.01, drop_epochs=(20, 40), drop_factor=0.1, clock=Clock(468))
    at_epochs = [float(rate(468 * epoch)) for epoch in (0, 19, 20, 39, 40, 49)]
    np.testing.assert_allclose(at_epochs, [1e-2, 1e-2, 1e-3, 1e-3, 1e-4, 1e-4], rtol=1e-6)


def test_without_drops_it_is_the_rate():
    assert step_decay(0.01, drop_epochs=(), drop_factor=0.1, clock=Clock(5)) == 0.01


def rates(name, steps, **arguments):
    made = learning_rate.get(name, learning_rate=0.2, clock=Clock(5), **arguments)
    return [float(made(step)) for step in steps]


def test_cyclic_by_hand():
    # 50 updates: up for 25, down for 25; the first update and all after the last are 0.
    found = rates("cyclic", (0, 5, 25, 30, 49, 50, 60), total_epochs=10)
    np.testing.assert_allclose(found, [0, 0.04, 0.2, 0.16, 0.008, 0, 0], rtol=1e-6)
    found = rates("cyclic", (0, 10, 20, 35, 50), total_epochs=10, peak_at=0.4)
    np.testing.assert_allclose(found, [0, 0.1, 0.2, 0.1, 0], rtol=1e-6)
    assert rates("cyclic", (0, 25), total_epochs=10, peak_at=0.0) == pytest.approx([0.2, 0.1])
    assert rates("cyclic", (0, 25), total_epochs=10, peak_at=1.0) == pytest.approx([0.0, 0.1])


def test_cosine_by_hand():
    found = rates("cosine", (0, 25, 50, 60), total_epochs=10)
    np.testing.assert_allclose(found, [0.2, 0.1, 0, 0], atol=1e-8)
    # 10 updates up, half a cosine over the 40 that are left.
    found = rates("cosine", (0, 5, 10, 30, 50), total_epochs=10, warm_up_epochs=2)
    np.testing.assert_allclose(found, [0, 0.1, 0.2, 0.1, 0], atol=1e-8)


def test_constant_and_steps_warm_up():
    assert learning_rate.get("constant", learning_rate=0.2, clock=Clock(5)) == 0.2
    found = rates("constant", (0, 1, 2, 100), warm_up_epochs=0.4, total_epochs=10)
    np.testing.assert_allclose(found, [0, 0.1, 0.2, 0.2], rtol=1e-6)
    found = rates("steps", (0, 5, 10, 24, 25), drop_epochs=(5,), warm_up_epochs=2, total_epochs=10)
    np.testing.assert_allclose(found, [0, 0.1, 0.2, 0.2, 0.02], rtol=1e-6)


def test_ramps_survive_saving():
    made = learning_rate.get(
        "steps", learning_rate=0.2, clock=Clock(5), drop_epochs=(5,), warm_up_epochs=2
    )
    again = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(made))
    assert [float(again(step)) for step in (5, 24, 25)] == pytest.approx([0.1, 0.2, 0.02])


@pytest.mark.parametrize(("epochs", "said"), [(10, "10 epochs"), (1, "1 epoch")])
def test_drops_that_never_come_are_told(caplog, epochs, said):
    with caplog.at_level("WARNING"):
        rates("steps", (0,), drop_epochs=(5, 10), total_epochs=epochs)
    assert f"drop_epochs=(5, 10): a run, or its first period, of {said} ends" in caplog.text


def test_a_warm_up_as_long_as_the_run_is_refused():
    refused(
        lambda: rates("cosine", (0,), total_epochs=2, warm_up_epochs=2.0),
        rule="warm_up_epochs must end before the run",
        right="below their length",
        received="warm_up_epochs=2.0 in 2 epochs",
    )
