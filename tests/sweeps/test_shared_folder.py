"""Two evaluations of one work folder, with surrogates and without: by the real program."""

from __future__ import annotations

import json
import shutil

import pytest
from ml_collections import ConfigDict

from fosc_tf.runs import record as records
from fosc_tf.sweeps import plan
from tests import small_run
from tests.program import ROOT

FILES = ("results.json", "results.md", "checks.json", "evaluation.jsonl")


@pytest.fixture
def folder(undisturbed, tmp_path):
    """A sweep's, with the undisturbed run in it."""
    shutil.copytree(undisturbed, tmp_path / "small,seed=0")
    return tmp_path


@pytest.fixture
def planned(npz, folder, monkeypatch):
    """Plans the run of a sweep, with other settings of its evaluation."""
    monkeypatch.chdir(ROOT)

    def plan_one(mode, **settings):
        fields = {f"evaluation__{name}": value for name, value in settings.items()}
        config, _, *flags = small_run.flags(folder, npz=npz, mode=mode, **fields)
        runs = (("small", config, *flags),)
        (run,) = plan.planned(ConfigDict({"runs": runs, "arguments": "", "jobs": 1}), folder)
        return run

    return plan_one


def contents(run):
    return {name: (run.folder / name).read_bytes() for name in FILES}


def test_surrogates_are_an_addition(program, planned, undisturbed):
    surrogate = f"('{undisturbed / 'export_best'}',)"
    table, lent = planned("train"), planned("evaluate", surrogates=surrogate)
    table.mark()
    assert table.finished  # the plan and the run know the same settings
    ended = program.run(*lent.command[1:])
    assert ended.code == 0, ended.err
    lent.mark()
    assert table.finished
    assert lent.finished
    # Started all the same, it finds what it would measure, and more.
    before, evaluated = contents(lent), records.read(lent.folder)["evaluated"]
    assert any("surrogate" in row for row in json.loads(before["results.json"]))
    ended = program.run(*table.command[1:])
    assert ended.code == 0, ended.err
    assert "export_best" in ended.out
    assert contents(lent) == before
    assert records.read(lent.folder)["evaluated"] == evaluated
    assert lent.finished
    # Other attacks are measured, and without a surrogate there are no rows of one.
    other = planned("evaluate", attacks="('fgsm',)")
    ended = program.run(*other.command[1:])
    assert ended.code == 0, ended.err
    rows = json.loads((other.folder / "results.json").read_text())
    assert [(row["attack"], "surrogate" in row) for row in rows] == [("fgsm", False)] * 2
    assert not table.finished
    assert not lent.finished


SETTINGS = {"attacks": ["clean"], "surrogates": []}
LENT = SETTINGS | {"surrogates": ["a"]}


@pytest.mark.parametrize(
    ("found", "wanted", "covered"),
    [
        (SETTINGS, SETTINGS, True),
        (LENT, LENT, True),
        (LENT, SETTINGS, True),
        (SETTINGS, LENT, False),
        (LENT, LENT | {"surrogates": ["b"]}, False),
        (LENT, SETTINGS | {"attacks": ["clean", "fgsm"]}, False),
        ({}, SETTINGS, False),
    ],
)
def test_what_covers_what(found, wanted, covered):
    assert records.covers(found, wanted) == covered
