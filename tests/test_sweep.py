"""A sweep starts its runs, skips the finished ones, reports the failed ones, and sums up."""

from __future__ import annotations

import json
import os
import pathlib

import pytest
from absl import flags
from ml_collections import ConfigDict, config_flags

from configs import sweeps
from fosc_tf import build, cli, run_sweep, sweep_summary
from tests.data.three_parts import refused
from tests.program import ROOT
from tests.test_cli import refused as refused_by_program

# Does what a run leaves behind, and nothing else; accuracy comes from the seed.
MAIN = """
import json, os, pathlib, sys
flags = dict(word.removeprefix("--").split("=", 1) for word in sys.argv[1:])
folder, seed = pathlib.Path(flags["workdir"]), int(flags["config.seed"])
with open("started.txt", "a") as file:
    file.write(folder.name + "\\n")
if hasattr(os, "sched_getaffinity"):
    (folder / "cores.json").write_text(json.dumps(sorted(os.sched_getaffinity(0))))
if seed == 7:
    print("Error: seven is refused\\n  Right would be: 6")
    sys.exit(2)
rows = [{"checkpoint": "last", "attack": "pgd-20", "accuracy": 0.5 + 0.1 * seed, "n": 10}]
rows.append(rows[0] | {"surrogate": "other", "accuracy": 0.0})
(folder / "results.json").write_text(json.dumps(rows))
epochs = [{"gradients": 2.0}, {"gradients": 4.0 + seed, "held_out_robust": 0.5}]
(folder / "history.json").write_text(json.dumps(epochs))
times = [{"wall": 4.0, "cpu": 9.0}, {"wall": 6.0 + seed, "cpu": 9.0}]
(folder / "times.json").write_text(json.dumps(times))
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A checkout with a stand-in for main.py."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "fake.py").write_text("")
    (tmp_path / "main.py").write_text(MAIN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config(*seeds, **fields):
    runs = tuple(("fake", "--config=configs/fake.py", f"--config.seed={seed}") for seed in seeds)
    return ConfigDict(
        {"runs": runs, "arguments": "", "jobs": 2, "print_only": False} | fields,
        convert_dict=False,
    )


def started(place):
    return sorted((place / "started.txt").read_text().split())


def test_every_run_is_started_once_and_summed_up(place):
    folder = pathlib.Path("out")
    run_sweep.sweep(config(0, 1, 2), folder)
    assert started(place) == ["fake,seed=0", "fake,seed=1", "fake,seed=2"]
    (row,) = json.loads((folder / "sweep.json").read_text())
    # By hand: 0.5, 0.6, 0.7 have deviation 0.1, its mean the error 0.1 / sqrt(3).
    assert row["accuracy"] == pytest.approx(0.6)
    assert row["standard_error"] == pytest.approx(0.1 / 3**0.5)
    assert (row["seeds"], row["gradients"]) == (3, 3.5)
    assert (row["seconds"], row["cpu_seconds"]) == (11.0, 18.0)
    table = (folder / "sweep.md").read_text().splitlines()
    assert table[0] == "| run | checkpoint | pgd-20 % | gradients | training s | CPU s | seeds |"
    assert table[2] == "| fake | last | 60.00 ± 5.77 | 3.50 | 11 | 18 | 3 |"
    for picture in ("sweep.png", "sweep_courses.png"):
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")
    run_sweep.sweep(config(0, 1, 2, 3), folder)
    assert started(place)[3:] == ["fake,seed=3"]
    assert json.loads((folder / "sweep.json").read_text())[0]["seeds"] == 4


def test_another_command_in_the_same_folder_is_another_start(place):
    folder = pathlib.Path("out")
    run_sweep.sweep(config(0), folder)
    run_sweep.sweep(config(0, arguments="--config.evaluation.attacks=('clean',)"), folder)
    assert started(place) == ["fake,seed=0"] * 2


def test_a_run_that_fails_costs_no_other(place):
    error = refused(
        lambda: run_sweep.sweep(config(0, 7, 1), pathlib.Path("out")),
        rule="must end well",
        right="fake,seed=7",
        received="fake,seed=7: Error: seven is refused",
    )
    assert "seed=0" not in error.received
    assert json.loads(pathlib.Path("out/sweep.json").read_text())[0]["seeds"] == 2


@pytest.mark.skipif(
    len(getattr(os, "sched_getaffinity", lambda _: ())(0)) < 2, reason="one core, or not told"
)
def test_processes_share_the_cores(place):
    folder = pathlib.Path("out")
    run_sweep.sweep(config(0, 1, 2, 3), folder)
    cores = [json.loads(path.read_text()) for path in folder.glob("*/cores.json")]
    halves = {tuple(each) for each in cores}
    assert len(cores) == 4
    assert len(halves) == 2
    mine = os.sched_getaffinity(0)
    assert sorted(core for half in halves for core in half) == sorted(mine)
    run_sweep.sweep(config(4, jobs=1), folder)
    assert set(json.loads((folder / "fake,seed=4" / "cores.json").read_text())) == mine


def test_print_only_prints_commands_for_a_shell(place, capsys):
    runs = (("fake", "--config=configs/fake.py", "--config.seed=0", "--config.x=('a','b')"),)
    run_sweep.sweep(config(runs=runs, print_only=True), pathlib.Path("out"))
    assert capsys.readouterr().out == (
        "python main.py --config=configs/fake.py --config.seed=0 "
        """'--config.x=('"'"'a'"'"','"'"'b'"'"')' --workdir=out/fake,seed=0\n"""
    )
    assert not (place / "out").exists()
    assert not (place / "started.txt").exists()


def test_one_seed_has_no_error():
    assert sweep_summary._cell({"accuracy": 0.5, "standard_error": None}) == "50.00"


@pytest.mark.parametrize(
    ("fields", "rule", "received"),
    [
        ({"runs": (("a", "--config=configs/fake.py"),) * 2}, "differ", "a,seed=0"),
        ({"runs": (("a", "--config=configs/no.py"),)}, "names its config", "no.py"),
        ({"runs": ()}, "has runs", "0 runs"),
        ({"jobs": 0}, "at least one at a time", "jobs=0"),
    ],
)
def test_sweeps_that_cannot_be_run(place, fields, rule, received):
    refused(
        lambda: run_sweep.planned(config(0, **fields), place),
        rule=rule,
        right="",
        received=received,
    )


@pytest.mark.parametrize("name", sweeps.SWEEPS)
def test_every_run_of_the_lists_can_be_started(name, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    for run in run_sweep.planned(sweeps.get_config(name), tmp_path):
        words = [
            cli._as_decimal(word, before="")
            for word in run.command
            if not word.startswith("--workdir")
        ]
        monkeypatch.setattr("sys.argv", words)  # where overrides are read from
        values = flags.FlagValues()
        config_flags.DEFINE_config_file("config", flag_values=values)
        values(words)
        build.check(values.config)


def test_labels_name_what_varies():
    runs = sweeps.runs("x", seeds=2, defense__epsilon=(0.1, 0.2), total_epochs=(3,))
    assert [run[0] for run in runs] == ["x,epsilon=0.1"] * 2 + ["x,epsilon=0.2"] * 2
    assert runs[3][1:] == (
        "--config=configs/x.py",
        "--config.seed=1",
        "--config.defense.epsilon=0.2",
        "--config.total_epochs=3",
    )


@pytest.mark.parametrize(
    "flags",
    [
        ["--config=configs/digits_dynamic.py", "--mode=sweep"],
        ["--config=configs/sweeps.py:digits", "--mode=train"],
    ],
)
def test_experiments_and_sweeps_are_told_apart(program, flags):
    refused_by_program(program.run(*flags), rule="--mode=sweep goes with", received=flags[0][9:])


def test_unknown_sweep(program):
    ended = program.run("--config=configs/sweeps.py:digit", "--mode=sweep")
    refused_by_program(ended, rule="every flag", received="not 'digit'")
