"""What is not a number stops the run at that step and is called by its name."""

import numpy as np
import pytest

from fosc_tf.callbacks import NanGuard, NotFinite
from tests.callbacks.stand_in import stand_in


@pytest.fixture
def guard():
    guard = NanGuard()
    guard.set_model(stand_in(steps=17))
    return guard


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_metric_that_is_not_finite(guard, value):
    with pytest.raises(NotFinite, match=f"gradients is {value} at step 17"):
        guard.on_train_batch_end(0, {"loss": 1.0, "gradients": value})


def test_finite_metrics_and_arrays_pass(guard):
    # The FOSC of examples that were not measured is NaN by design.
    guard.on_train_batch_end(0, {"loss": 1e30, "fosc_of_examples": np.array([np.nan, 1.0])})
    guard.on_train_batch_end(0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weight_that_is_not_finite(guard, value):
    guard.check_weights()
    kernel = guard.model.network.layers[-1].kernel
    broken = kernel.numpy()
    broken[1, 2] = value
    kernel.assign(broken)
    with pytest.raises(NotFinite, match=f"weight {kernel.path} is not finite at step 17"):
        guard.check_weights()
