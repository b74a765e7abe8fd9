"""Which networks, radii and transfers an evaluation writes down, and when it starts anew."""

from __future__ import annotations

import json
import shutil

import pytest

from fosc_tf.runs import record as records
from tests import faults, small_run

EPSILON, SMALLER = 8 / 255, 0.004


@pytest.fixture
def evaluate(program, npz, undisturbed, tmp_path):
    """Evaluates a copy of the run with other settings."""
    workdir = shutil.copytree(undisturbed, tmp_path / "work")

    def start(before="", **settings):
        fields = {f"evaluation__{name}": value for name, value in settings.items()}
        flags = small_run.flags(workdir, npz=npz, mode="evaluate", **fields)
        return workdir, program.run(*flags, before=before)

    return start


def rows_of(workdir):
    return json.loads((workdir / "results.json").read_text())


def test_other_networks_further_radii_and_transfer_have_rows_of_their_own(evaluate, undisturbed):
    export = undisturbed / "export"
    workdir, ended = evaluate(
        checkpoints="('last',)",
        others=f"('{export}',)",
        epsilons=f"({SMALLER},)",
        surrogates=f"('{undisturbed / 'export_best'}',)",
        check_examples=8,
    )
    assert ended.code == 0, ended.err
    rows = rows_of(workdir)
    for network in ("last", "export"):
        own = [row for row in rows if row["checkpoint"] == network]
        white = [row for row in own if "surrogate" not in row]
        assert [(row["attack"], row["parameters"].get("epsilon")) for row in white] == [
            ("clean", None),
            ("pgd-10", EPSILON),
            ("pgd-10", SMALLER),
        ]
        assert white[1]["accuracy"] < white[2]["accuracy"]
        transfer = [row for row in own if "surrogate" in row]
        assert [row["attack"] for row in transfer] == ["fgsm", "pgd-10", "pgd-20", "cw-linf"]
        assert {row["surrogate"] for row in transfer} == {"export_best"}
    # The export is the last network.
    accuracies = [
        [row["accuracy"] for row in rows if row["checkpoint"] == network]
        for network in ("last", "export")
    ]
    assert accuracies[0] == accuracies[1]
    findings = json.loads((workdir / "checks.json").read_text())
    assert sum(each["name"] == "white box against transfer" for each in findings) == 2
    # A transfer row has the name of a white-box row: neither may stand in the other's place.
    lines = (workdir / "results.md").read_text().splitlines()
    (head, *_) = [line for line in lines if line.startswith("| last |")]
    assert [f"{100 * row['accuracy']:.2f}" for row in rows[:3]] == [
        cell.strip() for cell in head.split("|")[2:5]
    ]
    assert "export_best" not in head


@pytest.mark.parametrize("field", ["others", "surrogates"])
def test_networks_that_are_not_there_are_refused_before_anything_is_written(
    evaluate, undisturbed, field
):
    before = (undisturbed / "run.json").read_bytes()
    workdir, ended = evaluate(epsilon=0.05, **{field: "('nowhere',)"})
    assert ended.code == 2
    assert "work folder or a SavedModel" in ended.err
    assert (workdir / "run.json").read_bytes() == before


@pytest.mark.parametrize("target", ["show.table:write", "evaluation.journal:Journal.keep"])
def test_a_killed_evaluation_is_not_taken_for_the_one_before(evaluate, undisturbed, target):
    killed = faults.killed(f"fosc_tf.{target}", call=1, when="after")
    workdir, ended = evaluate(killed, attacks="('clean', 'fgsm')")
    assert ended.code == -9
    workdir, ended = evaluate()
    assert ended.code == 0, ended.err
    assert rows_of(workdir) == rows_of(undisturbed)


@pytest.mark.parametrize(("name", "value"), [("tensorflow", "1.0"), ("form", 1)])
def test_numbers_of_another_version_are_found_anew(evaluate, undisturbed, name, value):
    workdir, ended = evaluate()
    evaluated = records.read(workdir)["evaluated"]
    assert evaluated["versions"] == records.versions()
    (workdir / "results.json").write_text("[]")  # would be shown if it were believed
    record = records.read(workdir)
    place = record["evaluated"]["versions"] if name == "tensorflow" else record["evaluated"]
    place[name] = value
    (workdir / "run.json").write_text(json.dumps(record))
    workdir, ended = evaluate()
    assert ended.code == 0, ended.err
    assert rows_of(workdir) == rows_of(undisturbed)


def test_a_network_in_training_is_said_to_be_one_and_lends_no_attack(
    program, npz, undisturbed, tmp_path
):
    workdir, other = tmp_path / "work", tmp_path / "other"
    saved = "fosc_tf.callbacks.saving:Saving.on_train_batch_end"
    killed = faults.killed(saved, call=7, when="after")
    assert program.run(*small_run.flags(workdir, npz=npz), before=killed).code == -9
    ended = program.run(*small_run.flags(workdir, npz=npz, mode="evaluate"))
    assert ended.code == 0, ended.err
    assert "training has not ended: this is the network of step 6." in ended.out
    said = "Training: not come to its end"
    assert said in (workdir / "results.md").read_text()
    # The rival stands in the views and in the sweep.
    rival = f"('{undisturbed / 'export'}',)"
    beside = {"analysis__others": rival, "report__others": rival, "report__sweep_examples": 8}
    few = {"analysis__examples": 20, "analysis__cross_examples": 8}
    ended = program.run(*small_run.flags(workdir, npz=npz, mode="report", **beside, **few))
    assert ended.code == 0, ended.err
    assert (workdir / "analysis" / "summary.json").exists()
    assert "its training has not come to its end" in (workdir / "report.html").read_text()
    flags = small_run.flags(other, npz=npz, evaluation__surrogates=f"('{workdir}',)")
    refused = program.run(*flags)
    assert refused.code == 2
    assert "whose training has not come to its end" in refused.err
    assert not other.exists()
    assert program.run(*small_run.flags(workdir, npz=npz)).code == 0
    assert said not in (workdir / "results.md").read_text()
