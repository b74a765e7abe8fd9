"""Certified defenses say before training what they cannot work with."""

import dataclasses

import keras
import pytest

from fosc_tf import build, defenses
from fosc_tf.training import AdversarialTrainer, WeightPerturbation
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
    ({"kappa_start": 1.5}, "first must", "first=1.5"),
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


def test_a_monitor_that_goes_back():
    from configs import digits_sabr

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
