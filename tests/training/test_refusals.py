"""What adversarial training has no use for is refused in three parts, and the rest works."""

import keras
import numpy as np
import pytest

from fosc_tf import UserError
from tests.training.habits import IMAGE, LABEL, history_of, linear, trainer_of


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"loss": "mse"}, "objective of the defense"),
        ({"loss": keras.losses.SparseCategoricalCrossentropy()}, "objective of the defense"),
        ({"loss_weights": [1.0]}, "objective of the defense"),
        ({"weighted_metrics": ["accuracy"]}, "counts alike"),
    ],
)
def test_compile_refuses(given, rule):
    with pytest.raises(UserError) as error:
        trainer_of(**given)
    assert rule in error.value.rule
    assert next(iter(given)) in error.value.received


@pytest.mark.parametrize(
    "given",
    [{"class_weight": {0: 2.0}}, {"sample_weight": np.ones(64)}, {"epochs": 1.5}, {"epochs": -1}],
)
def test_fit_refuses(given):
    trainer = trainer_of()
    with pytest.raises(UserError):
        history_of(trainer, **given)
    assert trainer.step == 0


def test_a_network_without_weights_to_train_is_refused():
    trainer = trainer_of()
    trainer.network.trainable = False
    with pytest.raises(UserError, match="weights to train"):
        history_of(trainer)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_optimizers_by_name(optimizer):
    history_of(trainer_of(optimizer=optimizer))


@pytest.mark.parametrize(
    "given", [{"run_eagerly": True}, {"steps_per_execution": 2}, {"steps_per_execution": 3}]
)
def test_other_ways_of_running_train_the_same(given):
    plain, other = trainer_of(), trainer_of(**given)
    histories = [history_of(plain), history_of(other)]
    for name, values in histories[0].items():
        np.testing.assert_allclose(histories[1][name], values, rtol=1e-5, atol=1e-7)
    for one, two in zip(plain.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_loss_is_scaled_where_the_network_computes_in_float16():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        network = linear()
    finally:
        keras.config.set_dtype_policy(policy)
    trainer = trainer_of()
    trainer.network = network
    trainer.compile("sgd")
    assert isinstance(trainer.optimizer, keras.optimizers.LossScaleOptimizer)
    trainer.compile("sgd", auto_scale_loss=False)
    assert not isinstance(trainer.optimizer, keras.optimizers.LossScaleOptimizer)


def test_a_loop_of_ones_own_trains_batch_by_batch():
    trainer = trainer_of("standard")
    logs = trainer.train_on_batch(IMAGE[:16], LABEL[:16], return_dict=True)
    assert logs.keys() == {"loss", "accuracy", "gradients", "fosc"}
    assert trainer.step == 1
    tested = trainer.test_on_batch(IMAGE[:16], LABEL[:16], return_dict=True)
    assert tested.keys() == {"loss", "accuracy"}
