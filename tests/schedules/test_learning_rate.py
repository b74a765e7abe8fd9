"""Learning rates at the very steps where they fall."""

import numpy as np

from fosc_tf.schedules import Clock, step_decay


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
