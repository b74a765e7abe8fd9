"""Every config is loaded, built and trained for one step; a config not listed here fails."""

from __future__ import annotations

import importlib
import itertools
import pathlib
import re

import keras
import numpy as np
import pytest

from fosc_tf import build, config_check, data
from fosc_tf.runs import opening
from tests.program import ROOT

DATASETS = ("digits", "mnist", "cifar")
DEFENSES = ("unsecured", "standard", "curriculum", "fgsm_pgd", "dynamic")
DEFENSES += ("amata", "amata_dynamic", "fat", "fast", "n_fgsm", "grad_align")
DEFENSES += ("trades", "mart", "iat", "sat", "adaptive_atta", "fine_tuning")
DEFENSES += ("atta", "atas", "dynamic_memory", "free", "yopo")
CERTIFIED = ("ibp", "crown_ibp", "adv_ibp", "sabr", "mtl_ibp", "cc_ibp", "per", "kw")
COMBINED = {
    "amata_dynamic": "dynamic",
    "strong": "standard",
    "pas": "standard",
    "subnetwork": "standard",
    "binary_connect": "standard",
    "hydra": "standard",
    "magnitude_pruning": "standard",
}  # leaves that are not called after their defense
SMALL_STEPS = {"num_steps": 2, "least_steps": 1, "examples": 1}
LEAVES = [
    f"{dataset}_{defense}" for dataset, defense in itertools.product(DATASETS, DEFENSES + CERTIFIED)
]
LEAVES += [f"{dataset}_{name}" for dataset in DATASETS for name in ("pas", "subnetwork")]
LEAVES += ["cifar_strong", "digits_binary_connect", "digits_hydra", "digits_magnitude_pruning"]
WIDE_RESNET = "model=wide_resnet_34_10"
PREACT = ("amata", "fast", "n_fgsm", "grad_align", "trades", "mart", "iat", "sat", "fine_tuning")
PREACT = dict.fromkeys(PREACT, "preact_resnet18")
TRAINED = ("mnist_dynamic", "cifar_dynamic", "cifar_strong", "cifar_ibp")
TRAINED += ("cifar_atas", "cifar_free", "cifar_yopo", "mnist_adaptive_atta")
SHARED = {"__init__", "arguments", "certified", "changes", "common", "sweeps"}  # no experiments
SHARED |= {f"lists{of}" for of in ("", "_cifar", "_digits", "_mnist", "_proofs", "_studies")}


def load(leaf, *arg):
    return importlib.import_module(f"configs.{leaf}").get_config(*arg)


def shrink(config, folder, **fields):
    """Points the config at a tiny file of images of the right shape."""
    entry = data.get(config.data.name)
    random = np.random.default_rng(0)
    path = folder / "tiny.npz"
    arrays = {}
    for part, n in (("train", 6), ("test", 2)):
        shape = [n, *entry.image_shape]
        arrays[f"x_{part}"] = random.integers(256, size=shape).astype(np.uint8)
        arrays[f"y_{part}"] = random.integers(entry.num_classes, size=n)
    np.savez(path, **arrays)
    config.data.npz = str(path)
    config.data.batch_size = 2
    config.data.held_out = 2
    config.update_from_flattened_dict(fields)
    return config


def one_step(config):
    """Builds and trains as a run does; returns how far each weight moved."""
    keras.utils.set_random_seed(0)
    experiment = build.build(config)
    assert config.defense.name in opening.lines(experiment, pathlib.Path("new"))[2]
    trainer = experiment.trainer
    before = [weight.numpy() for weight in trainer.network.trainable_variables]
    # The last step of an epoch: fewer than are left of it would be refused.
    before_it = experiment.steps_per_epoch - 1
    trainer.batches_seen.assign(before_it)
    trainer.optimizer.iterations.assign(before_it)  # a cyclic learning rate begins with 0
    history = trainer.fit(experiment.batches(epoch=0).take(1), verbose=0).history
    assert int(trainer.optimizer.iterations.numpy()) == before_it + config.defense.get("replays", 1)
    assert all(np.isfinite(values).all() for values in history.values()), history
    weights = [weight.numpy() for weight in trainer.network.trainable_variables]
    assert all(np.isfinite(weight).all() for weight in weights)
    return [np.abs(new - old).max() for new, old in zip(weights, before, strict=True)]


def test_no_config_is_missing_or_unlisted():
    found = {path.stem for path in (ROOT / "configs").glob("*.py")} - SHARED
    assert found == set(LEAVES)


@pytest.mark.parametrize("leaf", LEAVES)
def test_config_trains_one_step(leaf, tmp_path):
    large = leaf.startswith("cifar") and leaf.partition("_")[2] in CERTIFIED[:-2]
    config = load(leaf, "short") if large else load(leaf)
    fields = {f"defense.{each}": n for each, n in SMALL_STEPS.items() if each in config.defense}
    config = shrink(config, tmp_path, **fields)
    own = config.subnetwork.weights == "own"
    if own or config.defense.name == "fine_tuning":
        begins = load("digits_standard") if own else config
        config.model.weights = str(tmp_path / "begin.weights.h5")
        build.network(begins).save_weights(config.model.weights)
    found = build.build(config).trainer.defense
    assert found.attack is not None or found.proof or config.defense.name == "unsecured"
    # Other images change nothing in a step but of these.
    if leaf.startswith("digits") or leaf in TRAINED:
        assert max(one_step(config)) > 0


@pytest.mark.parametrize("defense", [each for each in CERTIFIED if each != "per"])
def test_certified_configs_know_radii_and_short_ones(defense):
    whole, short = load(f"mnist_{defense}"), load(f"mnist_{defense}", "epsilon=0.1,short")
    assert (whole.defense.epsilon, short.defense.epsilon) == (0.3, 0.1)
    assert whole.total_epochs > short.total_epochs == 25
    config_check.check(short)
    ends = short.defense.get("start_epoch", 3) + short.defense.ramp_epochs
    assert ends < short.total_epochs
    if "attack_factor" in whole.defense:
        assert load(f"cifar_{defense}", "epsilon=2/255").defense.num_steps == 8
    whole = load(f"cifar_{defense}", "epsilon=16/255")
    assert whole.defense.epsilon == 16 / 255
    with pytest.raises(ValueError, match=r"epsilon=8/255 or .* not 'epsilon=3/255'"):
        load(f"cifar_{defense}", "epsilon=3/255")


@pytest.mark.slow
def test_wide_resnet_trains_one_step(tmp_path):
    config = load("cifar_dynamic", WIDE_RESNET)
    assert config.model.name == "wide_resnet_34_10"
    moved = one_step(shrink(config, tmp_path, **{"defense.num_steps": 1}))
    assert max(moved) > 0


@pytest.mark.parametrize("defense", DEFENSES)
def test_every_cifar_config_takes_the_wide_resnet(defense):
    config, plain = load(f"cifar_{defense}", WIDE_RESNET), load(f"cifar_{defense}")
    assert config.model.name == "wide_resnet_34_10"
    assert plain.model.name == PREACT.get(defense, "cifar_cnn")
    if plain.model.name == "cifar_cnn":
        assert plain.model.width == 1.0
    assert "width" not in config.model
    with pytest.raises(ValueError, match="model=wide_resnet_34_10 or model=preact_resnet18"):
        load(f"cifar_{defense}", "model=resnet")


@pytest.mark.parametrize("leaf", LEAVES)
def test_config_says_its_command_and_names_its_parts(leaf):
    module = importlib.import_module(f"configs.{leaf}")
    command = rf"    python main.py --config=configs/{leaf}\.py(:model=\w+)?\n"
    assert re.search(command, module.__doc__)
    dataset, _, defense = leaf.partition("_")
    config = module.get_config()
    assert config.defense.name == COMBINED.get(defense, defense)
    assert config.data.name == {"cifar": "cifar10"}.get(dataset, dataset)


@pytest.mark.parametrize("leaf", LEAVES)
def test_fields_are_typed_and_their_set_is_closed(leaf):
    config = load(leaf)
    with pytest.raises(AttributeError, match="epsilon"):
        config.evaluation.epsilom = 0.1
    with pytest.raises(TypeError):
        config.total_epochs = "many"


@pytest.mark.parametrize("leaf", [leaf for leaf in LEAVES if "step_size" in load(leaf).defense])
def test_evaluation_and_step_size_follow_the_training_epsilon(leaf):
    config = load(leaf)
    share = SHARES.get(leaf, SHARES.get(leaf.partition("_")[2], 0.25))
    config.defense.epsilon = 0.04
    config.defense.norm = "l2"
    assert config.defense.step_size == pytest.approx(0.04 * share)
    assert config.evaluation.epsilon == 0.04
    assert config.evaluation.norm == "l2"


SHARES = {
    "fast": 1.25,
    "n_fgsm": 1.0,
    "grad_align": 1.0,
    "atta": 0.5,
    "adaptive_atta": 0.5,
    "atas": 2.0,
    "free": 1.0,
}
SHARES |= {"mnist_pas": 0.025, "mnist_amata": 1 / 30, "mnist_yopo": 1 / 30}
"""Steps in epsilons, where they are no quarter."""


# The settings of Wang et al. 2019, section 5.1: (epsilon, T, T', drops of the learning rate).
PAPER = {
    "mnist": (0.3, 50, 40, (20, 40)),
    "cifar": (8 / 255, 120, 100, (60, 100)),
}


@pytest.mark.parametrize("dataset", PAPER)
def test_paper_settings(dataset):
    config = load(f"{dataset}_dynamic")
    epsilon, total_epochs, control_epochs, drops = PAPER[dataset]
    assert config.defense.epsilon == epsilon
    assert config.defense.step_size == epsilon / 4
    assert config.defense.num_steps == 10
    assert config.defense.c_max == 0.5
    assert config.total_epochs == total_epochs
    assert config.defense.control_epochs == control_epochs
    assert config.optimizer.drop_epochs == drops
    assert config.optimizer.learning_rate == 0.01
    assert config.optimizer.momentum == 0.9
    assert config.data.batch_size == 128


# Of the codes and papers that the leaves name: (epochs, learning rate, peak, weight decay).
SINGLE_STEP = {
    "mnist_fast": (10, 5e-3, 0.4, 0.0),
    "cifar_fast": (15, 0.2, 0.5, 5e-4),
    "cifar_n_fgsm": (30, 0.2, 0.5, 5e-4),
    "cifar_grad_align": (30, 0.3, 0.4, 5e-4),
}


@pytest.mark.parametrize("leaf", SINGLE_STEP)
def test_settings_of_single_steps(leaf):
    config = load(leaf)
    optimizer = config.optimizer
    found = (config.total_epochs, optimizer.learning_rate, optimizer.peak_at)
    assert (*found, optimizer.weight_decay) == SINGLE_STEP[leaf]
    assert optimizer.schedule == "cyclic"
    if leaf.startswith("mnist"):
        assert (config.data.batch_size, config.model.name) == (100, "mnist_small")
        assert optimizer.name == "adam"
    assert "num_steps" not in config.defense


def test_settings_of_amata():
    mnist, cifar = load("mnist_amata"), load("cifar_amata")
    defense = mnist.defense
    assert (defense.num_steps, defense.least_steps) == (40, 5)
    assert defense.num_steps * defense.step_size == pytest.approx(0.4)  # tau
    assert (cifar.defense.num_steps, cifar.defense.least_steps) == (10, 2)
    assert cifar.defense.num_steps * cifar.defense.step_size == pytest.approx(20 / 255)
    assert (cifar.total_epochs, cifar.optimizer.drop_epochs) == (100, (75, 90))
