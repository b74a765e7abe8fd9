"""A run in periods: a network of each, and all of them as one, read by TensorFlow alone."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from ml_collections import ConfigDict

from fosc_tf import build
from fosc_tf.training.checkpoints import restore_last
from tests import faults, small_run

FIELDS = {
    "periods__lengths": "(2,1)",
    "periods__peak": 1.5,
    "optimizer__drop_epochs": "(1,)",
    "defense__c_max": 0.5,
    "evaluation__checkpoints": "('last','ensemble')",
}
READ = """
import sys
import numpy, tensorflow
logits = tensorflow.saved_model.load(sys.argv[1]).signatures["serving_default"]
numpy.save(sys.argv[3], logits(image=tensorflow.constant(numpy.load(sys.argv[2])))["logits"])
assert not any(name.startswith("fosc_tf") for name in sys.modules)
"""


@pytest.fixture(scope="module")
def whole(program, npz, tmp_path_factory):
    folder = tmp_path_factory.mktemp("periods") / "work"
    ended = program.run(*small_run.flags(folder, npz=npz, **FIELDS))
    assert ended.code == 0, ended.err
    return folder


def test_the_ensemble_is_the_mean_of_its_members(whole, tmp_path):
    rows = json.loads((whole / "results.json").read_text())
    assert {row["checkpoint"] for row in rows} == {"last", "ensemble"}
    config = ConfigDict(json.loads((whole / "run.json").read_text())["config"])
    image = small_run.arrays()["x_test"][:8, ..., None].astype(np.float32)
    probabilities = []
    for number, epochs in enumerate([2, 3]):
        member = build.network(config)
        step = restore_last(whole / "checkpoints" / "ensemble" / str(number), member)
        assert step == epochs * small_run.STEPS_PER_EPOCH
        logits = np.float64(member(image, training=False))
        probabilities.append(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
    np.save(tmp_path / "image.npy", image)
    paths = [whole / "export_ensemble", tmp_path / "image.npy", tmp_path / "logits.npy"]
    subprocess.run([sys.executable, "-c", READ, *map(str, paths)], check=True, cwd=tmp_path)
    found = np.exp(np.float64(np.load(tmp_path / "logits.npy")))
    np.testing.assert_allclose(found, np.mean(probabilities, axis=0), rtol=1e-5)
    assert np.abs(probabilities[0] - probabilities[1]).max() > 1e-3


def test_epsilon_and_rate_begin_again(whole):
    history = json.loads((whole / "history.json").read_text())
    # Of 8 steps the last of each epoch are the 3rd and the 7th, of 4 the 3rd; 0.75 (1 - cos).
    share = [0.75 * (1 - np.cos(np.pi * x)) for x in (3 / 8, 7 / 8, 3 / 4)]
    expected = np.minimum(share, 1.0) * 8 / 255
    np.testing.assert_allclose([row["epsilon"] for row in history], expected, rtol=1e-5)


def test_killed_is_undisturbed(whole, program, npz, tmp_path):
    flags = small_run.flags(tmp_path / "work", npz=npz, **FIELDS)
    kill = faults.killed(
        "fosc_tf.training.checkpoints:Checkpoints.save_member", call=2, when="before"
    )
    assert program.run(*flags, before=kill).code == -9
    assert program.run(*flags).code == 0
    expected, received = small_run.outcome(whole), small_run.outcome(tmp_path / "work")
    assert [name for name in expected if received[name] != expected[name]] == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"periods__lengths": "(2,2)"}, "must end with the run"),
        ({"evaluation__checkpoints": "('ensemble',)"}, "networks of several periods"),
    ],
)
def test_refused(fields, words, program, npz, tmp_path):
    ended = program.run(*small_run.flags(tmp_path / "work", npz=npz, **fields))
    assert ended.code != 0
    assert words in ended.err
    assert not (tmp_path / "work" / "checkpoints").exists()


def test_certify_leaves_the_ensemble_out_and_damage_is_told(whole, program, npz, tmp_path):
    work = tmp_path / "work"
    shutil.copytree(whole, work)
    fields = {"certification__methods": "('ibp',)", "certification__attacks": "('pgd-10',)"}
    fields |= {"certification__examples": 8, "certification__curve_examples": 0}
    ended = program.run(*small_run.flags(work, npz=npz, mode="certify", **FIELDS | fields))
    assert ended.code == 0, ended.err
    rows = json.loads((work / "certified.json").read_text())
    assert {row["checkpoint"] for row in rows} == {"last"}
    for file in (work / "checkpoints" / "ensemble" / "1").glob("*.data*"):
        file.write_bytes(file.read_bytes()[:100])
    ended = program.run(*small_run.flags(work, npz=npz, mode="export", **FIELDS))
    assert ended.code != 0
    assert "the ensemble network of a run must be readable" in ended.err
    without = FIELDS | {"evaluation__checkpoints": "('last',)"}
    ended = program.run(*small_run.flags(work, npz=npz, mode="export", **without))
    assert ended.code == 0, ended.err
