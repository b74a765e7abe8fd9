"""What the README shows works as it stands there."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import fosc_tf
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


def test_own_model_and_data_then_an_attack(names, tmp_path, capsys):
    training = block("AdversarialTrainer(network, defense")
    assert "epochs=120" in training
    exec(training.replace("epochs=120", "epochs=1"), names)
    assert int(names["trainer"].optimizer.iterations.numpy()) == 2
    assert {row["attack"] for row in names["rows"]} >= {"clean", "pgd-20"}
    assert (tmp_path / "export" / "saved_model.pb").exists()
    exec(block("fosc_above"), names)
    found = names["found"]
    assert np.abs(found.image - names["image"]).max() <= 0.3 + 1e-6
    # It prints numbers, also of examples that climbed to the end.
    assert np.isfinite(found.fosc).all()
    assert np.isfinite(found.loss).all()
    assert str(found.num_gradients.numpy()) in capsys.readouterr().out
    assert names["broken"].image.shape == names["image"].shape


def test_a_defense_that_remembers_on_data_with_ids(names):
    remembering = block("num_examples=len(image)")
    assert len(remembering.strip().splitlines()) <= 10
    names |= {"keras": keras, "fosc_tf": fosc_tf}
    exec(remembering.replace("epochs=30", "epochs=2"), names)
    perturbation, squares = names["atas"].memory.variables.values()
    assert np.all(np.abs(perturbation) <= 8 / 255 + 1e-6)
    assert np.all(np.asarray(squares) > 0)


def test_configs_that_it_names_exist():
    found = set(re.findall(r"--config=(configs/\w+\.py)", TEXT))
    assert "configs/digits_dynamic.py" in found
    assert [name for name in found if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("page", ["README.md", "benchmarks/README.md", "results/README.md"])
def test_tests_that_a_page_names_exist(page):
    named = re.findall(r"tests/[\w/*.]*[\w*]", (ROOT / page).read_text())
    assert named
    assert [each for each in named if not list(ROOT.glob(each))] == []


def test_files_that_it_links_exist():
    prose = re.sub(r"```.+?```", "", TEXT, flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#:]+)\)", prose)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_a_proof_in_three_lines(names):
    names |= {"fosc_tf": fosc_tf}
    exec(block("bounds.margins"), names)
    assert names["margins"].shape == (4, 3)
