"""Certified defenses say before training what they cannot work with."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from configs import digits_ibp, digits_sabr
from fosc_tf import build, defenses
from fosc_tf.training import AdversarialTrainer, WeightPerturbation
from fosc_tf.training.settling import settle
from tests.data.three_parts import refused
from tests.defenses.arguments import arguments_of

CERTIFIED = [name for name in defenses.names() if defenses.get(name, **arguments_of(name)).proof]
BAD = [
    ({"ramp_epochs": 4, "total_epochs": 3}, "must end within the training", "total_epochs=3"),
    ({"ramp_epochs": -1}, "ramp_epochs must be", "ramp_epochs=-1"),
    ({"ramp": "cosine"}, "shape of the ramp", "'cosine'"),
    ({"train_factor": 0.0}, "train_factor must", "train_factor=0.0"),
    ({"warm_up": -0.5}, "warm_up must", "warm_up=-0.5"),
    ({"l1": "1e-6"}, "l1 must", "l1='1e-6'"),
    ({"kappa_start": 1.5}, "kappa_start must", "kappa_start=1.5"),
    ({"share": 0.0}, "share must", "share=0.0"),
    ({"keeps": 2.0}, "keeps must", "keeps=2.0"),
    ({"step_share": 2.5}, "step_share must", "step_share=2.5"),
    ({"attack_factor": float("nan")}, "attack_factor must", "attack_factor=nan"),
    ({"beta_1": 1.0}, "beta_1 must", "beta_1=1.0"),
    ({"bound": "crown"}, "bound must be", "'crown'"),
    ({"fosc_of": "pixel"}, "unit of the FOSC", "'pixel'"),
    ({"inner": "ibp"}, "inner bounds", "'ibp'"),
    ({"closest": 10}, "no more wrong classes", "closest=10"),
    ({"examples": 17}, "no more examples", "examples=17"),
    ({"loss_fusion": "yes"}, "loss_fusion must", "loss_fusion='yes'"),
    ({"latent_layer": "dense1"}, "a latent stage goes on", "clean_epochs=1"),
]


def cases():
    """Yields each defense with each of the bad arguments that it takes."""
    for name in CERTIFIED:
        taken = defenses.factory(name).__kwdefaults__
        for bad, rule, received in BAD:
            if set(bad) <= set(taken):
                yield pytest.param(name, bad, rule, received, id=f"{name}-{next(iter(bad))}")


@pytest.mark.parametrize(("name", "bad", "rule", "received"), cases())
def test_arguments_out_of_range(name, bad, rule, received):
    refused(
        lambda: defenses.get(name, **arguments_of(name) | bad),
        rule=rule,
        right="",
        received=received,
    )


@pytest.mark.parametrize("name", ["per", "mtl_ibp"])
@pytest.mark.parametrize("alpha", [-0.1, float("inf"), "0.1"])
def test_alpha_out_of_range(name, alpha):
    refused(
        lambda: defenses.get(name, **arguments_of(name), alpha=alpha),
        rule="alpha must",
        right="alpha=",
        received=f"alpha={alpha!r}",
    )


@pytest.mark.parametrize("name", CERTIFIED)
def test_a_network_of_layers_without_a_rule(name):
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Flatten(),
            layers.LayerNormalization(name="odd"),
            layers.Dense(10),
        ]
    )
    refused(
        lambda: AdversarialTrainer(network, defenses.get(name, **arguments_of(name))),
        rule="bounds must know what each layer does",
        right="a rule",
        received="'odd'",
    )


def test_smoothed_labels_and_probabilities():
    defense = defenses.get("ibp", **arguments_of("ibp"))
    refused(
        lambda: dataclasses.replace(defense, label_smoothing=0.1),
        rule="the label itself",
        right="label_smoothing=0.0",
        received="label_smoothing=0.1",
    )
    softmax = keras.layers.Dense(10, activation="softmax", name="end")
    network = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), softmax])
    refused(
        lambda: AdversarialTrainer(network, defense),
        rule="which softmax hides",
        right="without its softmax",
        received="'end'",
    )


def network_of(*hidden):
    """Returns a network of images 8x8 with these layers before the logits."""
    first = [keras.Input((8, 8, 1)), keras.layers.Flatten(name="flat")]
    return keras.Sequential([*first, *hidden, keras.layers.Dense(10, name="out")])


def fitted(defense, network, optimizer="sgd", epochs=1, label=None):
    """Trains on noise; returns trainer and logs."""
    random = np.random.default_rng(0)
    trainer = AdversarialTrainer(network, defense)
    trainer.compile(optimizer=optimizer)
    image = random.uniform(size=(16, 8, 8, 1)).astype("float32")
    label = np.arange(16) % 10 if label is None else label
    return trainer, trainer.fit(image, label, batch_size=8, epochs=epochs, verbose=0).history


@pytest.mark.parametrize(
    ("name", "bad", "rule", "received"),
    [
        ("ibp", {"train_factor": 20.0}, "no radius in training exceeds 1", "train_factor=20.0"),
        ("sabr", {"train_factor": 20.0}, "no radius in training exceeds 1", "train_factor=20.0"),
        ("mtl_ibp", {"attack_factor": 20.0}, "no radius in training", "attack_factor=20.0"),
        ("adv_ibp", {"latent_layer": 0}, "latent_layer is a name", "0"),
        ("per", {"num_classes": 2.5}, "num_classes must", "num_classes=2.5"),
        ("per", {"batch_size": True}, "batch_size must", "batch_size=True"),
        ("per", {"step_size": "x", "attacked": False}, "step_size must", "step_size='x'"),
        ("per", {"step_size": 0.5, "doublings": 1}, "at most 2 * epsilon", "step_size=0.5"),
    ],
)
def test_what_would_be_seen_late_or_never(name, bad, rule, received):
    refused(
        lambda: defenses.get(name, **arguments_of(name) | bad),
        rule=rule,
        right="",
        received=received,
    )


def test_more_closest_classes_than_the_network_has():
    network = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    refused(
        lambda: fitted(defenses.get("per", epsilon=0.1), network, label=np.arange(16) % 3),
        rule="no more wrong classes",
        right="closest=2",
        received="closest=4 with 3 classes",
    )


def test_a_softmax_layer_is_no_layer_without_a_rule():
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    network = keras.Sequential([*layers, keras.layers.Softmax(name="end")])
    refused(
        lambda: AdversarialTrainer(network, defenses.get("ibp", **arguments_of("ibp"))),
        rule="which softmax hides",
        right="without its softmax",
        received="'end'",
    )


def test_layers_frozen_after_gradients_are_remembered_and_stages_that_freeze_nothing():
    hidden = keras.layers.Dense(8, activation="relu", name="hidden")
    network, defense = network_of(hidden), defenses.get("adv_ibp", **arguments_of("adv_ibp"))
    trainer = AdversarialTrainer(network, defense)
    hidden.trainable = False
    trainer.compile("sgd")
    image = np.zeros((16, 8, 8, 1), "float32")
    refused(
        lambda: trainer.fit(image, np.arange(16) % 10, batch_size=8, verbose=0),
        rule="remembers gradients",
        right="before AdversarialTrainer",
        received="2 trainable arrays, of 4",
    )
    stage = {"clean_epochs": 0, "latent_layer": "hidden"}
    defense = defenses.get("adv_ibp", **arguments_of("adv_ibp") | stage)
    refused(
        lambda: AdversarialTrainer(network_of(keras.layers.Dense(8, name="hidden")), defense),
        rule="freezes the layers before its own",
        right="a later layer",
        received="'hidden'",
    )


def test_frozen_kernels_have_no_magnitude():
    norm = keras.layers.BatchNormalization()
    network = network_of(keras.layers.Dense(8, trainable=False), norm)
    network.get_layer("out").trainable = False
    _, logs = fitted(defenses.get("ibp", **arguments_of("ibp"), l1=1.0), network)
    assert np.isfinite(logs["loss"]).all()


def test_an_overflowing_scale_of_losses_is_not_remembered():
    optimizer = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(1e-4), initial_scale=2.0**126, dynamic_growth_steps=1000
    )
    hidden = keras.layers.Dense(8, activation="relu", name="hidden")
    network = network_of(hidden)
    hidden.kernel.assign(30.0 * hidden.kernel)
    joint = {"clean_epochs": 0, "attacked_epochs": 0}
    defense = defenses.get("adv_ibp", **arguments_of("adv_ibp") | joint)
    trainer, logs = fitted(defense, network, optimizer, epochs=6)
    assert float(optimizer.dynamic_scale) < 2.0**126  # it did overflow
    assert np.isfinite(logs["loss"]).all()
    assert all(np.isfinite(each.numpy()) for each in trainer.mean_norms)
    assert 0 < float(trainer.joint_batches) < 12


@pytest.mark.parametrize("activation", ["relu", "gelu", "elu"])
def test_per_stays_finite_where_bounds_have_no_slope(activation):
    hidden = keras.layers.Dense(8, activation=activation, name="hidden")
    network = network_of(hidden)
    hidden.bias.assign(np.full(8, -100.0 if activation == "relu" else 0.0))
    network.get_layer("out").bias.assign(0.1 * np.arange(10))
    _, logs = fitted(defenses.get("per", epsilon=0.1, attacked=False), network)
    assert max(logs["loss"]) < 100


def test_of_fewer_examples_than_are_asked_for_the_mean_is_over_those_there_are():
    def loss(**own):
        defense = defenses.get("per", epsilon=0.1, attacked=False, beta=1.0, **own)
        keras.utils.set_random_seed(0)
        return fitted(defense, network_of(), keras.optimizers.SGD(0.0))[1]["loss"]

    np.testing.assert_allclose(loss(examples=80), loss(), rtol=1e-5)


def test_the_average_of_a_certified_network_has_statistics_of_clean_images():
    norm = keras.layers.BatchNormalization(name="norm")
    network = network_of(keras.layers.Dense(8, name="hidden"), norm)
    image = np.random.default_rng(0).uniform(size=(16, 8, 8, 1)).astype("float32")
    batches = tf.data.Dataset.from_tensor_slices((image, np.arange(16) % 10)).batch(8)
    settle(network, defenses.get("mtl_ibp", **arguments_of("mtl_ibp")), batches)
    hidden = network.get_layer("hidden")(image.reshape(16, -1)).numpy().reshape(2, 8, 8)
    np.testing.assert_allclose(norm.moving_mean, hidden.mean(axis=(0, 1)), atol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, hidden.var(axis=1).mean(axis=0), atol=1e-5)


def test_a_precision_that_bounds_do_not_know():
    config = digits_ibp.get_config()
    config.precision = "mixed_bfloat16"
    refused(
        lambda: build.defense(config, 10),
        rule="computed in float32",
        right="precision=float32",
        received="precision='mixed_bfloat16' with defense.name='ibp'",
    )


def test_a_monitor_that_goes_back():

    config = digits_sabr.get_config()
    config.monitor.action = "go_back"
    refused(
        lambda: build.defense(config, 10),
        rule="it is not watched",
        right="warn",
        received="'sabr'",
    )


def test_weights_that_are_perturbed_while_gradients_are_mixed():
    defense = defenses.get("adv_ibp", **arguments_of("adv_ibp"))
    network = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    refused(
        lambda: AdversarialTrainer(
            network, dataclasses.replace(defense, perturbation=WeightPerturbation())
        ),
        rule="mixes gradients",
        right="perturbation.gamma=0.0",
        received="gamma=0.01",
    )
