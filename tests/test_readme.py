"""What the README shows works as it stands there."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import fosc_tf
from configs import digits_standard
from fosc_tf import build
from fosc_tf.attacks import presets
from fosc_tf.defenses import registry
from fosc_tf.evaluation import white_box
from fosc_tf.training import AdversarialTrainer
from tests.program import ROOT

TEXT = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.+?)```", TEXT, re.DOTALL)


def block(word):
    (found,) = [text for text in BLOCKS if word in text]
    return found


def examples(size):
    random = np.random.default_rng(0)
    image = random.uniform(size=[size, 8, 8, 1]).astype(np.float32)
    return image, random.integers(3, size=size)


@pytest.fixture
def names(tmp_path, monkeypatch):
    """What the README takes for given: a network and two datasets."""
    monkeypatch.chdir(tmp_path)
    image = keras.Input((8, 8, 1))
    network = keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(image)))
    given = {"network": network, "image": examples(4)[0], "label": examples(4)[1]}
    for name in ("dataset", "test_dataset"):
        given[name] = tf.data.Dataset.from_tensor_slices(examples(16)).batch(8)
    return given


def test_own_model_and_data_then_an_attack(names, tmp_path):
    training = block("AdversarialTrainer(network")
    assert "epochs=120" in training
    exec(training.replace("epochs=120", "epochs=1"), names)
    assert int(names["trainer"].optimizer.iterations.numpy()) == 2
    assert {row["attack"] for row in names["rows"]} >= {"clean", "pgd-20"}
    assert (tmp_path / "export" / "saved_model.pb").exists()
    exec(block("fosc_above"), names)
    assert np.abs(names["found"].image - names["image"]).max() <= 0.3 + 1e-6


def test_own_network_by_name(monkeypatch):
    known = dict(fosc_tf.models.registry._MODELS._factories)
    monkeypatch.setattr(fosc_tf.models.registry._MODELS, "_factories", known)
    names = {"keras": keras, "fosc_tf": fosc_tf}
    exec(block("models.register"), names)
    assert names["network"].output_shape == (None, 10)
    assert names["network"].get_layer("conv").filters == 8


def test_adding_a_defense(names, monkeypatch):
    monkeypatch.setattr(registry._DEFENSES, "_factories", dict(registry._DEFENSES._factories))
    exec("from __future__ import annotations\n" + block("tiny_steps"), names)
    config = digits_standard.get_config()
    config.defense.name = "tiny_steps"
    attack = build.defense(config, steps_per_epoch=20).attack.parameters()
    assert (attack["num_steps"], attack["step_size"]) == (50, pytest.approx(0.01))


def test_adding_an_attack_and_a_schedule(names, monkeypatch):
    monkeypatch.setattr(presets.ATTACKS, "_factories", dict(presets.ATTACKS._factories))
    exec("from __future__ import annotations\n" + block('@register("corner")'), names)
    data = (names["image"], names["label"])
    rows = white_box(names["network"], data, epsilon=0.1, attacks=("clean", "corner"))
    assert [row["attack"] for row in rows] == ["clean", "corner"]
    exec(block("def growing"), names)
    trainer = AdversarialTrainer(names["network"], names["defense"])
    trainer.compile("sgd")
    history = trainer.fit(names["dataset"], epochs=3, verbose=0).history
    assert history["epsilon"] == pytest.approx([0.03, 0.06, 0.09])


def test_configs_that_it_names_exist():
    found = set(re.findall(r"--config=(configs/\w+\.py)", TEXT))
    assert "configs/digits_dynamic.py" in found
    assert [name for name in found if not (ROOT / name).is_file()] == []


def test_files_that_it_links_exist():
    prose = re.sub(r"```.+?```", "", TEXT, flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#:]+)\)", prose)
    assert [link for link in links if not (ROOT / link).exists()] == []
