"""A work folder: what a run writes into it, and whose runs it refuses."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.runs import record as records
from fosc_tf.runs.record import RunRecord
from tests import faults, signs_of_life, small_run, tensorboard_events
from tests.program import ROOT, Ended

CONFIG = {
    "seed": 0,
    "defense": {"name": "dynamic"},
    "model": {"name": "digits_mlp"},
    "data": {"name": "digits", "npz": "", "dir": "", "batch_size": 8, "held_out": 24},
    "evaluation": {
        "epsilon": 0.1,
        "norm": "linf",
        "attacks": ("clean",),
        "held_out_attack": "pgd-10",
        "held_out_every": 1,
        "batch_size": 250,
    },
    "checkpoint": {"keep": 3},
    "distribution": "auto",
    "deterministic": True,
}
DATA = {"source": "npz a.npz", "sha256": "a" * 64}


@pytest.fixture(scope="module")
def first(npz, tmp_path_factory):
    """(work folder, how it ended) of a run as a user starts it, in a process of its own."""
    # A name so long that lines of 80 would break it.
    workdir = tmp_path_factory.mktemp("a_folder_with_quite_a_long_name_indeed") / "work"
    ended = subprocess.run(
        [sys.executable, "main.py", *small_run.flags(workdir, npz=npz)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    return workdir, Ended(ended.returncode, ended.stdout, ended.stderr)


@pytest.fixture
def finished(first, tmp_path):
    return shutil.copytree(first[0], tmp_path / "work")


def bytes_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_without_a_terminal_a_run_prints_table_and_exports_and_nothing_else(first):
    workdir, ended = first
    assert ended.err == ""
    lines = ended.out.splitlines()
    begin = next(place for place, line in enumerate(lines) if line.startswith("data: "))
    assert [line.partition(":")[0] for line in lines[begin : begin + 5]] == [
        "data",
        "network",
        "defense",
        "device",
        "folder",
    ]
    assert lines[begin + 4].endswith(f"{workdir}, new")
    epochs = [line.split()[0] for line in lines if line.endswith(tuple("0123456789"))]
    assert [epoch for epoch in epochs if "/" in epoch] == ["1/3", "2/3", "3/3"]
    lines = signs_of_life.without(ended.out)
    assert lines[0].startswith("3 epochs in ")
    assert lines[0].endswith(" attack gradients per example")
    columns = [word.strip() for word in lines[2].split("┃")]
    assert columns == ["", "checkpoint", "clean %", "pgd-10 %", "n", ""]
    assert lines[4].startswith("│ last")
    assert lines[5].startswith("│ best")
    assert lines[7:] == [
        f"last network: {workdir}/export",
        f"best network: {workdir}/export_best",
    ]


def test_record_says_what_the_run_was(first, npz):
    workdir, _ = first
    record = json.loads((workdir / "run.json").read_text())
    assert record["overrides"]["defense.epsilon"] == 8 / 255
    # What follows the training epsilon has followed the one given on the command line.
    assert record["config"]["defense"]["step_size"] == 2 / 255
    assert record["config"]["evaluation"]["epsilon"] == 8 / 255
    assert record["config"]["data"]["npz"] == str(npz)
    assert {"python", "tensorflow", "keras", "numpy"} <= record["versions"].keys()
    assert record["seconds"].keys() == {"train", "evaluate", "export"}
    assert all(seconds > 0 for seconds in record["seconds"].values())
    assert record["data"]["source"] == f"npz {npz}"
    assert len(record["data"]["sha256"]) == 64
    assert record["exported"] == {
        name: hashlib.sha256((workdir / folder / "network.weights.h5").read_bytes()).hexdigest()
        for name, folder in (("last", "export"), ("best", "export_best"))
    }
    # Quoted as a shell needs it.
    assert "'--config.evaluation.attacks=('\"'\"'clean'\"'\"'" in record["command"]


def test_results_are_rows_of_each_checkpoint_and_attack(first):
    workdir, _ = first
    rows = json.loads((workdir / "results.json").read_text())
    assert [(row["checkpoint"], row["attack"]) for row in rows] == [
        *(("last", "clean"), ("last", "pgd-10")),
        *(("best", "clean"), ("best", "pgd-10")),
    ]
    for row in rows:
        assert 0 <= row["accuracy"] <= 1
        # A whole number of the images was classified rightly.
        assert row["accuracy"] * row["n"] == pytest.approx(round(row["accuracy"] * row["n"]))
        assert row["n"] == small_run.TEST
        assert row["parameters"]["seed"] == 0
    parameters = rows[1]["parameters"]
    assert parameters["epsilon"] == 8 / 255
    assert parameters["step_size"] == 2 / 255
    assert parameters["num_steps"] == 10
    note = (workdir / "results.md").read_text()
    for words in ("| last |", "| best |", "Seed: 0", "Epsilon: 0.03137", "Versions: python"):
        assert words in note


def test_history_and_fosc_of_each_epoch(first):
    workdir, _ = first
    rows = json.loads((workdir / "history.json").read_text())
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    # c_t falls from c_max to 0 in two epochs.
    assert rows[1]["threshold"] == pytest.approx(rows[0]["threshold"] / 2)
    assert rows[2]["threshold"] == 0
    for row in rows:
        # Every second batch is measured: two of four, eight images each.
        fosc = np.load(workdir / "fosc" / f"epoch_{row['epoch']:04d}.npy")
        assert fosc.shape == (16,)
        assert fosc.mean() == pytest.approx(row["fosc"], rel=1e-5)


def test_tensorboard_files_hold_scalars_histograms_and_panel(first):
    workdir, _ = first
    rows = json.loads((workdir / "history.json").read_text())
    found = tensorboard_events.read(workdir / "tensorboard")
    for name in rows[0].keys() - {"epoch"}:
        kind, values = found[name]
        assert kind == "scalars"
        assert [float(value) for value in values.values()] == pytest.approx(
            [row[name] for row in rows]
        )
    kind, rates = found["learning_rate"]
    # The rate drops as epoch 2 begins.
    assert kind == "scalars"
    assert [float(rate) for rate in rates.values()] == pytest.approx([0.1, 0.1, 0.01])
    kind, histograms = found["fosc_of_examples"]
    assert kind == "histograms"
    assert [histogram[:, 2].sum() for histogram in histograms.values()] == [16] * 3
    kind, panels = found["clean, adversarial, difference"]
    assert kind == "images"
    # Counted from 1, as everything that a reader sees.
    assert list(panels) == list(histograms) == [1, 2, 3]


def test_finished_run_of_another_config_is_refused_and_untouched(program, npz, finished):
    before = bytes_of(finished)
    others = (("defense__epsilon", "4/255"), ("total_epochs", 4), ("data__examples", 40))
    for field, value in others:
        ended = program.run(*small_run.flags(finished, npz=npz, **{field: value}))
        assert ended.code == 2
        assert "a work folder holds one run" in ended.err
        assert f"{field.replace('__', '.')}=" in ended.err
        assert "Traceback" not in ended.err
        assert bytes_of(finished) == before


def test_run_on_other_images_is_refused_and_untouched(program, finished, tmp_path):
    other = small_run.npz(tmp_path, y_train=small_run.arrays()["y_train"][::-1])
    before = bytes_of(finished)
    ended = program.run(*small_run.flags(finished, npz=other))
    assert ended.code == 2
    assert "contents of the data" in ended.err
    assert bytes_of(finished) == before


def test_other_evaluation_settings_are_evaluated_without_training(program, npz, finished, tmp_path):
    steps = tmp_path / "steps"
    fields = {"evaluation__attacks": "('fgsm', 'cw-linf')", "checkpoint__keep": 1}
    ended = program.run(
        *small_run.flags(finished, npz=npz, **fields), before=faults.steps_written(steps)
    )
    assert ended.code == 0, ended.err
    assert not steps.exists()
    rows = json.loads((finished / "results.json").read_text())
    assert [row["attack"] for row in rows] == ["fgsm", "cw-linf"] * 2


def test_one_of_the_checkpoints_is_evaluated(program, npz, finished):
    chosen = {"mode": "evaluate", "evaluation__checkpoints": "('best',)"}
    ended = program.run(*small_run.flags(finished, npz=npz, **chosen))
    assert ended.code == 0, ended.err
    rows = json.loads((finished / "results.json").read_text())
    assert [(row["checkpoint"], row["attack"]) for row in rows] == [
        ("best", "clean"),
        ("best", "pgd-10"),
    ]
    shutil.rmtree(finished / "checkpoints" / "best")
    ended = program.run(*small_run.flags(finished, npz=npz, **chosen))
    assert ended.code == 2
    assert "must name a network that the run has kept" in ended.err
    assert json.loads((finished / "results.json").read_text()) == rows


def test_mode_evaluate_does_that_and_nothing_else(program, npz, finished):
    shutil.rmtree(finished / "export")
    (finished / "results.json").unlink()
    history = (finished / "history.json").read_bytes()
    ended = program.run(*small_run.flags(finished, npz=npz, mode="evaluate"))
    assert ended.code == 0, ended.err
    assert "pgd-10 %" in ended.out
    assert "network:" not in ended.out
    assert (finished / "results.json").exists()
    assert not (finished / "export").exists()
    assert (finished / "history.json").read_bytes() == history


def test_mode_evaluate_takes_other_images(program, finished, tmp_path):
    arrays = small_run.arrays()
    other = small_run.npz(tmp_path, x_test=arrays["x_test"][:30], y_test=arrays["y_test"][:30])
    ended = program.run(*small_run.flags(finished, npz=other, mode="evaluate"))
    assert ended.code == 0, ended.err
    assert {row["n"] for row in json.loads((finished / "results.json").read_text())} == {30}


def test_mode_export_does_that_and_nothing_else(program, npz, finished):
    shutil.rmtree(finished / "export")
    results = (finished / "results.json").read_bytes()
    ended = program.run(*small_run.flags(finished, npz=npz, mode="export"))
    assert ended.code == 0, ended.err
    assert signs_of_life.without(ended.out) == [
        f"last network: {finished}/export",
        f"best network: {finished}/export_best",
    ]
    assert (finished / "export" / "saved_model.pb").exists()
    assert (finished / "results.json").read_bytes() == results


@pytest.mark.slow
def test_two_replicas_train_evaluate_export_and_resume(program, npz, first, tmp_path):
    flags = small_run.flags(tmp_path / "work", npz=npz, distribution="mirrored")
    cpus = faults.logical_cpus(2)
    killed = faults.killed(
        "fosc_tf.callbacks.saving:Saving.on_train_batch_end", call=7, when="after"
    )
    assert program.run(*flags, before=cpus + killed).code == -9
    steps = tmp_path / "steps"
    ended = program.run(*flags, before=cpus + faults.steps_written(steps))
    assert ended.code == 0, ended.err
    assert ended.err == ""
    assert steps.read_text().split() == [str(step) for step in range(7, small_run.STEPS + 1)]
    one, two = (
        np.concatenate(
            [
                np.frombuffer(value, np.float32)
                for name, value in sorted(outcome.items())
                if "step-12/network/" in name
            ]
        )
        for outcome in map(small_run.outcome, (first[0], tmp_path / "work"))
    )
    assert np.abs(one - two).max() < 1e-5


def opened(folder, config=CONFIG, data=DATA):
    return RunRecord.open(folder, config, {}, data)


def changed(section, **fields):
    return CONFIG | {section: CONFIG[section] | fields}


def test_same_run_opens_again_and_keeps_its_start(tmp_path, monkeypatch):
    content = opened(tmp_path / "a" / "b").content
    started, first_command = content["started"], content["first_command"]
    assert first_command == content["command"] != ""
    monkeypatch.setattr("sys.argv", ["main.py", "--mode=analyze"])
    with opened(tmp_path / "a" / "b").timed("train"):
        pass
    record = opened(tmp_path / "a" / "b", changed("evaluation", epsilon=0.2), None)
    assert record.content["started"] == started
    assert record.content["command"] == "python main.py --mode=analyze"
    assert record.content["first_command"] == first_command
    assert record.content["config"]["evaluation"]["epsilon"] == 0.2
    assert "train" in record.content["seconds"]


def test_times_add_up_over_starts_and_survive_an_exception(tmp_path):
    for _ in range(2):
        with contextlib.suppress(RuntimeError), opened(tmp_path).timed("evaluate"):
            time.sleep(0.1)
            raise RuntimeError
    assert records.read(tmp_path)["seconds"]["evaluate"] >= 0.2


def test_how_a_dense_network_would_be_pruned_is_no_other_run(tmp_path):
    def part(**fields):
        return CONFIG | {"subnetwork": {"rate": 0.0, "trained": "scores", "gamma": 0.1} | fields}

    RunRecord.open(tmp_path, part(last_batch_norm=True), {}, DATA)
    RunRecord.open(tmp_path, part(last_batch_norm=None, gamma=1.0), {}, DATA)
    for other in (part(rate=0.9), part(trained="signs", last_batch_norm=True)):
        with pytest.raises(UserError, match="another's"):
            RunRecord.open(tmp_path, other, {}, DATA)


@pytest.mark.parametrize(
    ("config", "data", "received"),
    [
        (CONFIG | {"seed": 1}, DATA, "seed=1 instead of 0"),
        (changed("data", batch_size=9), DATA, "data.batch_size=9 instead of 8"),
        (CONFIG | {"defense": {"name": "standard"}}, DATA, "defense.name='standard' instead of"),
        (CONFIG, DATA | {"sha256": "b" * 64}, "contents of the data='bbbbbbbbbbbb'"),
        # The best network would be chosen among unlike numbers.
        (changed("evaluation", epsilon=0.2), DATA, "evaluation.epsilon=0.2 instead of 0.1"),
        (changed("evaluation", held_out_attack="fgsm"), DATA, "held_out_attack='fgsm' instead of"),
        (changed("evaluation", batch_size=500), DATA, "evaluation.batch_size=500 instead of 250"),
    ],
)
def test_another_run_is_refused(tmp_path, config, data, received):
    opened(tmp_path)
    before = bytes_of(tmp_path)
    with pytest.raises(UserError) as caught:
        opened(tmp_path, config, data)
    assert received in caught.value.received
    assert bytes_of(tmp_path) == before


@pytest.mark.parametrize(
    "config",
    [
        changed("evaluation", attacks=("fgsm",)),
        changed("checkpoint", keep=9),
        changed("data", npz="moved.npz"),
        changed("data", dir="elsewhere"),
        CONFIG | {"precision": "float32"},  # a field of a later version
    ],
)
def test_what_makes_no_other_run(tmp_path, config):
    opened(tmp_path)
    assert opened(tmp_path, config).folder == tmp_path


def test_without_held_out_images_nothing_chooses_among_epochs(tmp_path):
    config = changed("data", held_out=0)
    opened(tmp_path, config)
    other = config | {"evaluation": config["evaluation"] | {"epsilon": 0.2}}
    assert opened(tmp_path, other).content["config"] == json.loads(json.dumps(other))


def test_what_trained_the_network_outlives_later_starts(tmp_path, monkeypatch):
    record = opened(tmp_path)
    record.note(trained=12)
    assert record.content["trained_with"] == [
        {
            "versions": records.versions(),
            "machine": record.content["machine"],
            "distribution": "auto",
            "deterministic": True,
        }
    ]
    trained_with, now = record.content["trained_with"], CONFIG | {"distribution": "none"}
    monkeypatch.setattr(records, "versions", lambda: {"python": "9.9"})
    with opened(tmp_path, now, None).timed("evaluate"):  # --mode=evaluate
        pass
    opened(tmp_path, now)  # --mode=train, with nothing left to train
    content = records.read(tmp_path)
    assert content["versions"] == {"python": "9.9"}
    assert content["trained_with"] == trained_with
    lines = RunRecord(tmp_path, content).summary()
    assert lines.index("Versions: python 9.9") < lines.index(f"tensorflow {tf.__version__}")


def test_every_machine_of_a_training_is_noted(tmp_path, monkeypatch):
    opened(tmp_path)
    for version in ("9.8", "9.9", "9.9"):
        monkeypatch.setattr(records, "versions", lambda version=version: {"python": version})
        record = opened(tmp_path)
    record.took("train", 1.0)
    trained_with = record.content["trained_with"]
    assert [each["versions"]["python"] for each in trained_with[1:]] == ["9.8", "9.9"]
    assert record.summary().count("Trained on:") == 2  # the last one is this one


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_cores_are_those_that_the_run_may_use(tmp_path):
    cores = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cores)})
        assert opened(tmp_path).content["machine"]["cores"] == 1
    finally:
        os.sched_setaffinity(0, cores)


def test_an_evaluation_in_between_does_not_change_what_chooses(tmp_path):
    opened(tmp_path)
    other = changed("evaluation", epsilon=0.2)
    opened(tmp_path, other, None)
    with pytest.raises(UserError) as caught:
        opened(tmp_path, other)
    assert "evaluation.epsilon=0.2 instead of 0.1" in caught.value.received
    opened(tmp_path)


def test_path_that_tensorflow_would_take_for_a_pattern(tmp_path):
    with pytest.raises(UserError, match="free of"):
        opened(tmp_path / "eps[8]")
    assert not list(tmp_path.iterdir())


def test_folder_with_something_else(tmp_path):
    (tmp_path / "results.json").write_text("[]")
    with pytest.raises(UserError, match="must hold their run.json"):
        opened(tmp_path)
    assert (tmp_path / "results.json").read_text() == "[]"


RECORD = {"config": CONFIG, "seconds": {}}
DAMAGED = [
    *("", "{", "[]", "{}", "3", "null", "\0\1", "[" * 100_000, '{"config": 3}'),
    *(json.dumps({name: RECORD[name]}) for name in RECORD),
    json.dumps(RECORD | {"config": {"seed": 0, "data": {"name": "digits"}}}),
    json.dumps(RECORD | {"seconds": {"train": "long"}}),
    json.dumps(RECORD | {"trained_with": [{"machine": 3}]}),
]


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_record(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(UserError, match="must be the JSON that a run wrote"):
        opened(tmp_path)
    assert (tmp_path / "run.json").read_text() == content
