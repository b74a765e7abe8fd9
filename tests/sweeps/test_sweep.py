"""A sweep starts its runs, skips the finished ones, reports the failed ones, and sums up."""

from __future__ import annotations

import io
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys

import pytest
from ml_collections import ConfigDict
from rich.console import Console

from configs import common, lists, lists_mnist, sweeps
from fosc_tf import command, launcher
from fosc_tf.errors import UserError
from fosc_tf.sweeps import plan, processes, summary
from fosc_tf.sweeps.sweep import sweep
from tests.data.three_parts import refused
from tests.program import ROOT, wait_for
from tests.test_cli import refused as refused_by_program

# Does what a run leaves behind, and nothing else; accuracy comes from the seed.
MAIN = """
import ast, json, os, pathlib, sys, time
flags = dict(word.removeprefix("--").split("=", 1) for word in sys.argv[1:])
folder, seed = pathlib.Path(flags["workdir"]), int(flags["config.seed"])
with open("started.txt", "a") as file:
    file.write(folder.name + "\\n")
(folder / "given.json").write_text(json.dumps([sys.argv, os.environ.get("CUDA_VISIBLE_DEVICES")]))
if hasattr(os, "sched_getaffinity"):
    (folder / "cores.json").write_text(json.dumps(sorted(os.sched_getaffinity(0))))
if seed == 7:
    print("Error: seven is refused\\n  Right would be: 6")
    sys.exit(2)
if seed == 8:
    (folder / "pid.txt").write_text(str(os.getpid()) + "\\n")
    time.sleep(60)
if seed == 9:
    os.kill(os.getpid(), 9)
if flags.get("mode") == "analyze":
    sys.exit()
settings = json.loads(pathlib.Path("settings.json").read_text())
for flag, value in flags.items():
    if flag.startswith("config.evaluation."):
        settings[flag.removeprefix("config.evaluation.")] = ast.literal_eval(value)
config = {"seed": seed, "data": {"name": "digits"}, "model": {"name": "digits_cnn"}}
record = {"config": config, "seconds": {}, "evaluated": {"settings": settings}}
if not pathlib.Path("training.txt").exists():
    record["trained"] = 2
(folder / "run.json").write_text(json.dumps(record))
row = {"checkpoint": "last", "attack": "pgd-20", "accuracy": 0.5 + 0.1 * seed, "n": 10}
rows = [row | {"parameters": {}}]
for name, accuracy in ((f"a{seed}", 0.7), (f"b{seed}", 0.9)):
    rows.append(rows[0] | {"surrogate": name, "accuracy": accuracy + 0.01 * seed})
(folder / "results.json").write_text(json.dumps(rows))
epochs = [{"gradients": 2.0}, {"gradients": 4.0 + seed, "held_out_robust": 0.5}]
epochs = [{"epoch": epoch} | row for epoch, row in enumerate(epochs)]
(folder / "history.json").write_text(json.dumps(epochs))
times = [{"wall": 4.0, "cpu": 9.0}, {"wall": 6.0 + seed, "cpu": 9.0}]
(folder / "times.json").write_text(json.dumps(times))
"""
EXPERIMENT = """
from configs import common

def get_config():
    return common.digits("standard")
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a stand-in for the program that runs are started with."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "fake.py").write_text(EXPERIMENT)
    (tmp_path / "main.py").write_text(MAIN)
    settings = common.digits("standard").evaluation.to_dict()
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(launcher, "again", lambda: ["main.py"])
    return tmp_path


def config(*seeds, **fields):
    runs = tuple(("fake", "--config=configs/fake.py", f"--config.seed={seed}") for seed in seeds)
    defaults = {"runs": runs, "arguments": "", "jobs": 2, "only": (), "print_only": False}
    return ConfigDict(defaults | fields, convert_dict=False)


def started(place):
    return sorted((place / "started.txt").read_text().split())


def test_every_run_is_started_once_and_summed_up(place):
    folder = pathlib.Path("out")
    sweep(config(0, 1, 2), folder)
    assert started(place) == ["fake,seed=0", "fake,seed=1", "fake,seed=2"]
    row, lent = json.loads((folder / "sweep.json").read_text())
    # By hand: 0.5, 0.6, 0.7 have deviation 0.1, its mean the error 0.1 / sqrt(3).
    assert row["accuracy"] == pytest.approx(0.6)
    assert row["standard_error"] == pytest.approx(0.1 / 3**0.5)
    assert (row["seeds"], row["gradients"]) == (3, 3.5)
    assert (row["seconds"], row["cpu_seconds"]) == (11.0, 18.0)
    # Two surrogates of other names in each run: their mean, 0.80, 0.81, 0.82 by seed.
    assert (row["column"], lent["column"]) == ("pgd-20", "black-box pgd-20")
    assert (lent["accuracy"], lent["seeds"]) == (pytest.approx(0.81), 3)
    table = (folder / "sweep.md").read_text().splitlines()
    assert table[0].startswith("| run | checkpoint | pgd-20 % | black-box pgd-20 % | gradients |")
    assert table[0].endswith("| training s | CPU s | seeds |")
    assert table[2] == "| fake | last | 60.00 ± 5.77 | 81.00 ± 0.58 | 3.50 | 11 | 18 | 3 |"
    for picture in ("sweep.png", "sweep_courses.png"):
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")
    sweep(config(0, 1, 2, 3), folder)
    assert started(place)[3:] == ["fake,seed=3"]
    assert json.loads((folder / "sweep.json").read_text())[0]["seeds"] == 4


def test_another_command_in_the_same_folder_is_another_start(place):
    folder = pathlib.Path("out")
    sweep(config(0), folder)
    attacks = "--config.evaluation.attacks=('clean','fgsm')"
    sweep(config(0, arguments=f'"{attacks}"'), folder)
    assert started(place) == ["fake,seed=0"] * 2
    argv, _ = json.loads((folder / "fake,seed=0" / "given.json").read_text())
    assert attacks in argv
    # The results are those of the other attacks now.
    (run,) = plan.planned(config(0), folder)
    assert not run.finished


def test_two_sweeps_in_the_same_folder_leave_each_other_finished(place):
    folder = pathlib.Path("out")
    table = config(0, 1)
    lent = "--mode=evaluate \"--config.evaluation.surrogates=('{sweep}/fake,seed=2',)\""
    for _ in range(2):
        sweep(table, folder)
        sweep(config(0, 1, arguments=lent), folder)
    assert started(place) == ["fake,seed=0"] * 2 + ["fake,seed=1"] * 2
    (folder / "sweep.json").unlink()
    sweep(config(0, 1, jobs=0), folder)
    row, transfer = json.loads((folder / "sweep.json").read_text())
    assert (row["column"], row["seeds"]) == ("pgd-20", 2)
    assert (transfer["column"], transfer["seeds"]) == ("black-box pgd-20", 2)
    # Other surrogates are another evaluation, after which there is none from the first ones.
    (run, _) = plan.planned(config(0, 1, arguments=lent), folder)
    assert run.finished
    sweep(config(0, arguments=lent.replace("seed=2", "seed=3")), folder)
    assert not run.finished
    assert plan.planned(table, folder)[0].finished


def test_a_network_in_training_is_no_row_of_a_table(place):
    folder = pathlib.Path("out")
    (place / "training.txt").write_text("")
    received = "fake,seed=0: ended without the results of a finished training"
    refused(lambda: sweep(config(0), folder), rule="end well", right="", received=received)
    assert not (folder / "sweep.json").exists()
    (place / "training.txt").unlink()
    sweep(config(0), folder)
    assert (folder / "sweep.json").exists()


def test_a_mark_goes_with_its_own_command_only(place):
    one, other = (
        plan.planned(config(0, arguments=arguments), pathlib.Path("out"))[0]
        for arguments in ("", '\'--config.evaluation.attacks=("clean",\n"fgsm")\'')
    )
    mark = one.folder / "finished.txt"
    one.unmark()
    assert not mark.exists()
    for run in (one, other, one):
        run.mark()
    assert len(mark.read_text().splitlines()) == 2
    other.unmark()
    assert mark.read_text() == shlex.join(one.command) + "\n"
    one.unmark()
    assert not mark.exists()


@pytest.mark.parametrize("mode", ["analyze", "export"])
def test_what_evaluates_nothing_is_finished_without_results(place, mode):
    # Of a folder that was trained and not evaluated: there is nothing to sum up.
    (place / "main.py").write_text(MAIN.replace("analyze", mode))
    folder = pathlib.Path("out")
    for _ in range(2):
        sweep(config(0, arguments=f"--mode={mode}"), folder)
    assert started(place) == ["fake,seed=0"]
    assert not (folder / "sweep.json").exists()


@pytest.mark.parametrize(
    ("arguments", "evaluates"),
    [
        ("", True),
        ("--mode=report", True),
        ("--mode evaluate", True),
        ("--config.total_epochs 3 --mode analyze", False),
        ("-mode=train --mode=export", False),
    ],
)
def test_the_mode_of_a_command_tells_whether_it_evaluates(place, arguments, evaluates):
    (run,) = plan.planned(config(0, arguments=arguments), pathlib.Path("out"))
    assert run.evaluates == evaluates


def test_a_damaged_record_is_for_the_run_to_report(place):
    folder = pathlib.Path("out")
    sweep(config(0), folder)
    (run,) = plan.planned(config(0), folder)
    assert run.finished
    record = run.folder / "run.json"
    # As it stands while results are written anew.
    record.write_text(json.dumps(json.loads(record.read_text()) | {"evaluated": None}))
    assert not run.finished
    record.write_text("{")
    assert not run.finished


def test_the_mark_vouches_for_a_command_and_its_files(place):
    folder = pathlib.Path("out")
    sweep(config(0), folder)
    (run,) = plan.planned(config(0), folder)
    assert run.finished
    for name in ("results.json", "history.json", "times.json"):
        (run.folder / name).rename(place / name)
        assert not run.finished
        (place / name).rename(run.folder / name)
    # The mark of earlier sweeps, to the letter.
    (run.folder / "finished.txt").write_text(
        "main.py --config=configs/fake.py --config.seed=0 --workdir=out/fake,seed=0"
    )
    assert run.finished
    # A start that fails takes the mark of its own command and no other.
    (place / "main.py").write_text("raise SystemExit(3)")
    with pytest.raises(UserError):
        sweep(config(0, arguments="--config.defense.epsilon=0.1"), folder)
    assert run.finished
    (run.folder / "times.json").unlink()
    with pytest.raises(UserError):
        sweep(config(0), folder)
    assert not (run.folder / "finished.txt").exists()


def test_what_another_sweep_finished_meanwhile_is_not_started(place):
    runs = plan.planned(config(0, 1), pathlib.Path("out"))
    for _ in range(2):
        assert processes.run_all(runs, 1, Console(file=io.StringIO())) == []
    assert started(place) == ["fake,seed=0", "fake,seed=1"]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_processes_end_with_the_sweep(place, name):
    text = f"""
from ml_collections import ConfigDict
def get_config():
    return ConfigDict({config(8, 0, jobs=1).to_dict()!r}, convert_dict=False)
"""
    (place / "configs" / "list.py").write_text(text)
    flags = ("--config=configs/list.py", "--mode=sweep", "--workdir=out")
    program = "from fosc_tf import __main__, launcher; launcher.again = lambda: ['main.py']"
    # A start of its own: as the leader of a group it alone gets the signal. The tests themselves
    # may run with it ignored, as nohup has it, and would hand that down.
    sweep = subprocess.Popen(
        [sys.executable, "-c", f"{program}; __main__.start()", *flags],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.Signals[name], signal.SIG_DFL),
    )
    pid = place / "out" / "fake,seed=8" / "pid.txt"
    wait_for(lambda: pid.exists() and pid.read_text().endswith("\n"), 60.0)
    sweep.send_signal(signal.Signals[name])
    # Python turns SIGINT into an exception, which ends the program with a message.
    assert sweep.wait(30) == (1 if name == "SIGINT" else -signal.Signals[name])
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), signal.SIGKILL)
    assert started(place) == ["fake,seed=8"]


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with processes.ending_together():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_run_that_fails_costs_no_other(place):
    error = refused(
        lambda: sweep(config(0, 7, 1), pathlib.Path("out")),
        rule="must end well",
        right="fake,seed=7",
        received="fake,seed=7: code 2, Error: seven is refused",
    )
    assert "seed=0" not in error.received
    assert json.loads(pathlib.Path("out/sweep.json").read_text())[0]["seeds"] == 2


def test_a_failure_tells_of_its_own_start(place):
    log = place / "out" / "fake,seed=9" / "log.txt"
    log.parent.mkdir(parents=True)
    log.write_text("Error: of an earlier start\n")
    error = refused(
        lambda: sweep(config(9), pathlib.Path("out")),
        rule="must end well",
        right=str(pathlib.Path("out/fake,seed=9/log.txt")),
        received="fake,seed=9: code -9, no output",
    )
    assert "earlier" not in error.received


def test_a_slash_of_a_label_makes_no_folder(place):
    command = ("--config=configs/fake.py", "--config.defense.epsilon=2/255")
    runs = plan.planned(config(runs=(("fake,epsilon=2/255", *command),)), place)
    assert [(run.name, run.folder) for run in runs] == [
        ("fake,epsilon=2/255,seed=0", place / "fake,epsilon=2_255,seed=0")
    ]


@pytest.mark.skipif(
    len(getattr(os, "sched_getaffinity", lambda _: ())(0)) < 2, reason="one core, or not told"
)
def test_processes_share_the_cores(place):
    folder = pathlib.Path("out")
    sweep(config(0, 1, 2, 3), folder)
    cores = [json.loads(path.read_text()) for path in folder.glob("*/cores.json")]
    halves = {tuple(each) for each in cores}
    assert len(cores) == 4
    assert len(halves) == 2
    mine = os.sched_getaffinity(0)
    assert sorted(core for half in halves for core in half) == sorted(mine)
    sweep(config(0, 1, 2, 3, 4), folder)  # one is left, and two jobs: it has all
    assert set(json.loads((folder / "fake,seed=4" / "cores.json").read_text())) == mine
    assert os.sched_getaffinity(0) == mine


def test_processes_share_the_listed_gpus(place, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,GPU-2")
    sweep(config(0, 1), pathlib.Path("out"))
    given = pathlib.Path("out").glob("*/given.json")
    assert {json.loads(path.read_text())[1] for path in given} == {"0,GPU-2", "1"}
    assert [each.environment["CUDA_VISIBLE_DEVICES"] for each in processes.shares(4)] == (
        ["0", "1", "GPU-2", "0"]
    )
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # none, which must stay so
    assert [each.environment for each in processes.shares(2)] == [{}, {}]


def test_print_only_prints_commands_for_a_shell(place, capsys, monkeypatch):
    folder = pathlib.Path("out")
    sweep(config(1), folder)
    arguments = ["main.py", "--config=list.py", "--mode=sweep", "--config.arguments=--x='a b'"]
    monkeypatch.setattr("sys.argv", [*arguments, "--config.jobs=3", "--config.print_only=True"])
    capsys.readouterr()
    sweep(config(0, 1, 2, print_only=True), folder)
    # What is finished, the second, is left out, and the others keep their numbers.
    lines = capsys.readouterr().out.splitlines()
    assert [shlex.split(line) for line in lines] == [
        ["python", *arguments, f"--config.only={number}"] for number in (0, 2)
    ]
    assert started(place) == ["fake,seed=1"]


@pytest.mark.parametrize(
    "words",
    [
        ["--config.print_only", "--config.jobs", "2", "--config.only", "1"],
        ["-config.jobs", "0", "-config.only=(1,)", "-config.print_only"],
        ["--config.only", "(1,)", "--config.print_only=true", "--config.jobs=2"],
    ],
)
def test_print_only_leaves_values_that_stand_apart_out_too(place, capsys, monkeypatch, words):
    own = ["--config", "configs/list.py", "--mode", "sweep"]
    argv = ["main.py", *own[:2], *words, *own[2:]]
    monkeypatch.setattr("sys.argv", argv)
    fields = config(0, 1).to_dict()
    (place / "configs" / "list.py").write_text(
        "from ml_collections import ConfigDict\n"
        f"def get_config():\n    return ConfigDict({fields!r}, convert_dict=False)\n"
    )
    sweep(command.config_of(argv), place / "out")  # the flags as the program takes them
    line = ["python", "main.py", *own, "--config.only=1"]
    assert shlex.split(capsys.readouterr().out) == line
    assert command.config_of(line[1:]).only == (1,)


def test_a_run_started_alone_counts_as_finished(place):
    folder = pathlib.Path("out")
    sweep(config(0, 1, only=(1,)), folder)
    assert started(place) == ["fake,seed=1"]
    assert not (folder / "sweep.json").exists()
    sweep(config(0, 1), folder)
    assert started(place) == ["fake,seed=0", "fake,seed=1"]


def test_no_jobs_sum_up_what_is_finished(place):
    folder = pathlib.Path("out")
    sweep(config(0, jobs=0), folder)
    assert not folder.exists()
    sweep(config(0, 1, only=(0, 1)), folder)
    sweep(config(0, 1, 2, jobs=0), folder)
    assert len(started(place)) == 2
    assert json.loads((folder / "sweep.json").read_text())[0]["seeds"] == 2


def test_one_seed_has_no_error():
    assert summary._cell({"accuracy": 0.5, "standard_error": None}) == "50.00"


@pytest.mark.parametrize(
    ("fields", "rule", "received"),
    [
        ({"runs": (("a", "--config=configs/fake.py"),) * 2}, "differ", "a,seed=0"),
        ({"runs": (("a", "--config=configs/no.py"),)}, "the config must be", "no.py"),
        ({"runs": (("a", "--config.seed=1"),)}, "every flag", "config.seed"),
        ({"runs": (("a",),)}, "names the config", "main.py"),
        ({"runs": ()}, "has runs", "0 runs"),
        ({"jobs": -1}, "none or some at a time", "jobs=-1"),
        ({"only": (0, 1)}, "config.only must hold", "only=(0, 1)"),
        ({"only": (-1,)}, "config.only must hold", "only=(-1,)"),
        ({"arguments": "--config.seed='1"}, "as a shell", "='1 (No closing quotation)"),
        ({"arguments": "--config.sead=1"}, "every flag", "sead"),
        ({"arguments": "--config.seed=much"}, "every flag", "much"),
        ({"arguments": "config.seed=1"}, "every argument is a flag", "config.seed=1"),
        ({"arguments": "--mode=trian"}, "the mode must be a known one", "trian"),
        ({"arguments": "--worksdir=here"}, "every flag", "worksdir"),
        ({"arguments": "--config.optimizer.momentum=7.0"}, "momentum", "=7.0 in fake,seed=0"),
        ({"arguments": "--config.evaluation.held_out_attack=claen"}, "known one", "'claen' in"),
        ({"arguments": "--config.model.name=digits_mpl"}, "the model must be", "mpl' in fake"),
        ({"arguments": "--config.distribution=mirored"}, "the distribution must", "mirored' in"),
        ({"arguments": "--config.defense.num_steps=0"}, "num_steps must be", "=0 in fake,seed=0"),
        (
            {"arguments": "--config.evaluation.checkpoints=\"('best',)\" --config.data.held_out=0"},
            "best network is chosen on held-out images",
            "data.held_out=0",
        ),
        # Without quotes around, a shell takes away those within.
        ({"arguments": "--config.evaluation.attacks=('clean',)"}, "known one", "'(clean,)'"),
    ],
)
def test_sweeps_that_cannot_be_run(place, fields, rule, received):
    call = config(0, **fields)
    refused(lambda: sweep(call, place / "out"), rule=rule, right="", received=received)
    assert not (place / "started.txt").exists()


def test_planning_takes_no_devices():
    # TensorFlow, once at work, would keep all memory of all GPUs from the runs.
    text = """
import pathlib
from configs import sweeps
from fosc_tf.sweeps import plan
for name in ("digits", "mnist_table"):
    for run in plan.planned(sweeps.get_config(name), pathlib.Path("out")):
        run.check()
from tensorflow.python.eager import context
assert context.context_safe() is None
"""
    ended = subprocess.run(
        [sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr


def test_a_run_may_name_the_folder_of_the_sweep(place):
    runs = (("fake", "--config=configs/fake.py", "--config.evaluation.others=('{sweep}/a',)"),)
    (run,) = plan.planned(config(runs=runs), pathlib.Path("out"))
    assert run.command[2] == "--config.evaluation.others=('out/a',)"
    assert run.config.evaluation.others == ("out/a",)


def test_networks_are_attacked_from_a_standard_one_of_another_seed():
    for label, _, seed, *_, surrogate in lists_mnist.mnist_black_box():
        assert "/mnist_standard,seed=" in surrogate
        assert seed.rpartition("=")[2] not in surrogate, label


@pytest.mark.parametrize("name", sweeps.SWEEPS)
def test_every_run_of_the_lists_can_be_started(name, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    runs = plan.planned(sweeps.get_config(name), tmp_path)
    assert runs
    for run in runs:
        run.check()


def test_labels_name_what_varies():
    runs = lists.runs("x", seeds=2, defense__epsilon=(0.1, 0.2), total_epochs=(3,))
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


def test_a_link_in_place_of_a_log_is_replaced(place):
    (run,) = plan.planned(config(0), pathlib.Path("out"))
    run.folder.mkdir(parents=True)
    (place / "theirs").write_text("theirs")
    (run.folder / "log.txt").symlink_to(place / "theirs")
    sweep(config(0), pathlib.Path("out"))
    assert (place / "theirs").read_text() == "theirs"
    assert not (run.folder / "log.txt").is_symlink()


@pytest.mark.parametrize("name", ["results.json", "history.json", "times.json"])
def test_a_damaged_file_of_a_run_is_named(place, name):
    sweep(config(0), pathlib.Path("out"))
    (pathlib.Path("out/fake,seed=0") / name).write_text("[{")
    with pytest.raises(UserError, match=f"{name} must be the JSON") as caught:
        sweep(config(0), pathlib.Path("out"))
    assert caught.value.received.startswith(f"out/fake,seed=0/{name}")
