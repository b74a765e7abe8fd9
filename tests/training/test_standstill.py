"""A gate that stops everybody because of a slow batch norm is told of, once, and nothing else."""

import keras
import numpy as np
import pytest

import fosc_tf
from fosc_tf.training.standstill import Standstill, watch
from tests.callbacks.stand_in import stand_in
from tests.training.habits import IMAGE, LABEL


def network(momentum, trainable=True):
    """Returns one whose batch norm, at its initial statistics, makes the logits nearly flat."""
    keras.utils.set_random_seed(0)
    layers = [keras.Input((8, 8, 1))]
    for number in range(2):
        layers += [
            keras.layers.Conv2D(8, 3, use_bias=False),
            keras.layers.BatchNormalization(momentum=momentum, name=f"norm_{number}"),
            keras.layers.ReLU(),
        ]
    made = keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(10)])
    for layer in made.layers:
        layer.trainable = trainable or not layer.name.startswith("norm")
    return made


def trained(momentum, name="dynamic"):
    own = {"num_steps": 3, "epsilon": 0.05} | ({"control_epochs": 2} if name == "dynamic" else {})
    defense = fosc_tf.defenses.get(name, **own)
    trainer = fosc_tf.AdversarialTrainer(network(momentum), defense)
    trainer.compile(keras.optimizers.SGD(0.01))
    return trainer.fit(IMAGE, LABEL, epochs=2, batch_size=16, verbose=0).history


def test_the_momentum_and_the_layer_are_named_once(caplog):
    with caplog.at_level("WARNING"):
        history = trained(0.99)
    assert history["frozen"][0] == 1.0
    told = [each.getMessage() for each in caplog.records if "momentum" in each.getMessage()]
    assert len(told) == 1
    assert "epoch 1: the gate stopped 100%" in told[0]
    assert "'norm_0', momentum=0.99" in told[0]
    assert "still 96%" in told[0]  # 0.99 ** 4
    assert "BatchNormalization(momentum=0.9)" in told[0]


@pytest.mark.parametrize(("momentum", "name"), [(0.9, "dynamic"), (0.99, "standard")])
def test_nothing_is_told_of_others(momentum, name, caplog):
    with caplog.at_level("WARNING"):
        trained(momentum, name)
    assert "momentum" not in caplog.text


@pytest.mark.parametrize(
    ("logs", "steps", "told"),
    [
        ({"frozen": 1.0, "gradients": 2.0}, 4, True),
        ({"frozen": 1.0, "gradients": 2.0}, 500, False),  # 0.99 ** 500 is below a hundredth
        ({"frozen": 0.9, "gradients": 2.0}, 4, False),
        ({"frozen": 1.0, "gradients": 3.0}, 4, False),
        ({}, 4, False),
    ],
)
def test_only_a_standstill_is_told_of(logs, steps, told, caplog):
    (callback,) = watch(network(0.99))
    assert isinstance(callback, Standstill)
    callback.set_model(stand_in(steps=steps))
    with caplog.at_level("WARNING"):
        callback.on_epoch_end(0, logs)
        callback.on_epoch_end(1, logs)
    assert caplog.text.count("momentum=0.99") == told


def test_only_slow_batch_norms_that_learn_are_watched():
    assert watch(network(0.9)) == []
    assert watch(network(0.99, trainable=False)) == []
    assert [layer.name for layer in watch(network(0.995))[0].layers] == ["norm_0", "norm_1"]
    assert np.all([each.momentum == 0.995 for each in watch(network(0.995))[0].layers])
