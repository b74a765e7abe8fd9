"""A run with a moving average and a monitor that goes back: its third network, killed or not."""

import json

import numpy as np
import pytest

from fosc_tf import export
from tests import faults, small_run

FIELDS = {
    "average__decay": 0.9,
    "monitor__action": "go_back",
    # So small that every loss of accuracy is a collapse, on 24 images if it is large.
    "monitor__fall": 0.01,
    "evaluation__checkpoints": "('last','ema')",
    "evaluation__attacks": "('clean',)",
    **small_run.NO_PICTURES,
}


@pytest.fixture(scope="module")
def whole(program, npz, tmp_path_factory):
    folder = tmp_path_factory.mktemp("average") / "work"
    ended = program.run(*small_run.flags(folder, npz=npz, **FIELDS))
    assert ended.code == 0, ended.err
    return folder


def test_the_average_is_evaluated_and_exported(whole):
    rows = json.loads((whole / "results.json").read_text())
    assert {row["checkpoint"] for row in rows} == {"last", "ema"}
    networks = [export.load(whole / name) for name in ("export", "export_ema")]
    image = small_run.arrays()["x_test"][:8, ..., None]
    last, ema = (network(image).numpy() for network in networks)
    assert np.abs(last - ema).max() > 1e-3
    history = json.loads((whole / "history.json").read_text())
    assert all(row["collapsed"] in (0.0, 1.0) for row in history)


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("fosc_tf.callbacks.saving:Saving.on_epoch_end", 2),
        ("fosc_tf.training.checkpoints:Checkpoints.save_average", 1),
    ],
)
def test_killed_is_undisturbed(where, count, whole, program, npz, tmp_path):
    flags = small_run.flags(tmp_path / "work", npz=npz, **FIELDS)
    assert program.run(*flags, before=faults.killed(where, call=count, when="before")).code == -9
    ended = program.run(*flags)
    assert ended.code == 0, ended.err
    expected, received = small_run.outcome(whole), small_run.outcome(tmp_path / "work")
    assert received.keys() == expected.keys()
    assert [name for name in expected if received[name] != expected[name]] == []


def test_without_an_average_there_is_none_to_evaluate(program, npz, tmp_path):
    fields = {"evaluation__checkpoints": "('ema',)"}
    ended = program.run(*small_run.flags(tmp_path / "work", npz=npz, **fields))
    assert ended.code != 0
    assert "keeps no moving average" in ended.err
    assert not (tmp_path / "work" / "checkpoints").exists()
