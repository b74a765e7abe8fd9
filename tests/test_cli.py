"""What a newcomer mistypes gets one message in three parts, exit code 2, and costs nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from fosc_tf import command
from tests import faults, signs_of_life, small_run
from tests.program import ROOT

CONFIG, NAMED = "--config=configs/digits_dynamic.py", "--config=digits_dynamic"


def refused(ended, *, rule, received, right=""):
    """Fails unless the whole of standard error is one message with these words in its parts."""
    assert ended.code == 2, ended
    assert signs_of_life.without(ended.out) == []
    first, *rest = ended.err.strip().split("\n")
    assert len(rest) == 2, ended.err
    for line, start in ((first, "Error: "), (rest[0], "  Right would be: "), (rest[1], "  Rece")):
        assert line.startswith(start)
    assert rule in first
    assert right in rest[0]
    assert received in rest[1]


# (flags, rule, what would be right, received)
FLAGS = {
    "no flag": ([], "an experiment is needed", NAMED, "no --config"),
    "config unknown": (
        ["--config=configs/digits_dinamic.py"],
        "the config must be a known one",
        "(nearest: configs/digits_dynamic.py)",
        "digits_dinamic",
    ),
    "name unknown": (
        ["--config=digit_dynamic"],
        "known one",
        "(nearest: digits_dynamic)",
        "digit_",
    ),
    "name apart": (["--config", "sweep:digits"], "known one", "(nearest: sweeps)", "'sweep'"),
    "name with --help": (["--config=digit_dynamic", "--help"], "known one", "nearest", "digit_"),
    "config without name": (["--config"], "config must be", "cifar_dynamic", "''"),
    "not an experiment": (["--config=configs/common.py"], "every flag", "", "get_config"),
    "config option unknown": (
        ["--config=configs/cifar_dynamic.py:model=wide"],
        "every flag",
        "",
        "model=preact_resnet18 or model=resnet50 or model=resnet34; received 'model=wide'",
    ),
    "argument of a config that takes none": (
        ["--config=digits_dynamic:model=a"],
        "behind the colon",
        "sweeps:digits",
        "takes 0 positional arguments but 1 was given",
    ),
    "flag unknown": (["--confg=x"], "every flag", "", "Did you mean: config"),
    "word without dashes": (["train"], "every argument is a flag", NAMED, "train"),
    "mode": ([CONFIG, "--mode=trian"], "the mode must", "(nearest: train)", "mode='trian'"),
    "field": ([CONFIG, "--config.defense.epsilom=0.1"], "every flag", "", '"epsilon" instead of'),
    "section": ([CONFIG, "--config.defence.epsilon=0.1"], "every flag", "", '"defense" instead'),
    "new field": ([CONFIG, "--config.model.depth=3"], "every flag", "", "no field 'depth'"),
    "type": ([CONFIG, "--config.defense.epsilon=high"], "value of its type", "", "epsilon=high"),
    "half a step": ([CONFIG, "--config.defense.num_steps=1.5"], "value of its type", "", "1.5"),
    "division by 0": ([CONFIG, "--config.defense.epsilon=8/0"], "of its type", "", "8/0"),
}


@pytest.mark.parametrize("case", FLAGS)
def test_mistyped_command_line(program, case):
    flags, rule, right, received = FLAGS[case]
    refused(program.run(*flags), rule=rule, right=right, received=received)


# Fields of the config: (changed fields, rule, what would be right, received).
FIELDS = {
    "defense": ({"defense.name": "dinamic"}, "the defense must", "(nearest: dynamic)", "dinamic"),
    "model": ({"model.name": "digits_mpl"}, "the model must", "(nearest: digits_mlp)", "mpl"),
    "dataset": ({"data.name": "digit"}, "the data set must", "(nearest: digits)", "'digit'"),
    "norm": ({"defense.norm": "linff"}, "the norm must", "(nearest: linf)", "'linff'"),
    "distribution": ({"distribution": "mirored"}, "distribution", "nearest: mirrored", "mirored"),
    "attack": ({"evaluation.attacks": "('pgd-x',)"}, "the attack must", "pgd-K", "'pgd-x'"),
    "epsilon of 0..255": ({"defense.epsilon": "8"}, "(0, 1]", "epsilon=8/255", "epsilon=8"),
    "epsilon 0": ({"defense.epsilon": "0"}, "epsilon must lie in (0, 1]", "8/255", "epsilon=0"),
    "step size": (
        {"defense.step_size": "0.07"},
        "at most 2 * epsilon",
        "0.007843",
        "step_size=0.07 with epsilon=0.0313725",
    ),
    "num_steps": ({"defense.num_steps": "0"}, "num_steps must be a whole", "10", "num_steps=0"),
    "T' > T": (
        {"defense.control_epochs": "9"},
        "control_epochs must not exceed total_epochs",
        "control_epochs=2, or more total_epochs",
        "control_epochs=9 with total_epochs=3",
    ),
    "batch": ({"data.batch_size": "1000"}, "batch_size must not exceed", "of at most 32", "1000"),
    "fewer examples than a batch": (
        {"data.examples": "31"},
        "data.examples must leave a batch",
        "data.examples=32 or more, or 0",
        "data.examples=31 with data.held_out=24, data.batch_size=8",
    ),
    "more examples than there are": (
        {"data.examples": "57"},
        "data.examples must not exceed",
        "of at most 56, or 0",
        "data.examples=57",
    ),
    "negative examples": ({"data.examples": "-1"}, "data.examples must be", "", "examples=-1"),
    "no such npz": ({"data.npz": "no.npz"}, "name a file that exists", "np.savez", "no.npz"),
    "no npz": ({"data.npz": "setup.py"}, "must be a complete .npz", "np.savez", "setup.py"),
}


@pytest.mark.parametrize("case", FIELDS)
def test_field_that_cannot_work(program, tmp_path, case):
    fields, rule, right, received = FIELDS[case]
    fields = {name.replace(".", "__"): value for name, value in fields.items()}
    fields = {"npz": small_run.npz(tmp_path)} | fields
    workdir = tmp_path / "work"
    ended = program.run(*small_run.flags(workdir, **fields))
    refused(ended, rule=rule, right=right, received=received)
    assert not workdir.exists()


def test_fgsm_epochs_beyond_the_last(program, tmp_path):
    ended = program.run(
        "--config=configs/digits_fgsm_pgd.py",
        f"--workdir={tmp_path / 'work'}",
        "--config.defense.fgsm_epochs=31",
    )
    refused(ended, rule="fgsm_epochs must not exceed", right="24", received="total_epochs=30")
    assert not (tmp_path / "work").exists()


def _with_nan(image):
    image = image.copy()
    image[0, 0, 0] = np.nan
    return image


# (array, what becomes of it, rule, received)
ARRAYS = {
    "label": ("y_train", lambda label: label + 1, "label", "values from 1 to 10"),
    "NaN": ("x_test", _with_nan, "must hold no NaN", "1 NaN values"),
    "range": ("x_train", lambda image: image * 255, "lie in [0, 1]", "values from 0 to 255"),
    "shape": ("x_train", lambda image: image[:, :7], "hold images of digits", "7, 8]"),
    "length": ("y_test", lambda label: label[1:], "equally long", "40 images, 39 labels"),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_arrays_that_cannot_be_trained_on(program, tmp_path, case):
    name, change, rule, received = ARRAYS[case]
    npz = small_run.npz(tmp_path, **{name: change(small_run.arrays()[name])})
    ended = program.run(*small_run.flags(tmp_path / "work", npz=npz))
    rule = "y_train of npz" if case == "label" else rule
    refused(ended, rule=rule, received=received)
    assert not (tmp_path / "work").exists()


def test_truncated_npz(program, tmp_path):
    npz = small_run.npz(tmp_path)
    npz.write_bytes(npz.read_bytes()[:-500])
    ended = program.run(*small_run.flags(tmp_path / "work", npz=npz))
    refused(ended, rule="must be a complete .npz", right="np.savez", received=str(npz))
    assert not (tmp_path / "work").exists()


def test_work_folder_below_a_file(program, tmp_path):
    npz = small_run.npz(tmp_path)
    for workdir in (npz, npz / "work"):
        ended = program.run(*small_run.flags(workdir, npz=npz))
        refused(ended, rule="work folder must be one that can be written", received=str(workdir))


@pytest.mark.parametrize("mode", ["evaluate", "export"])
def test_nothing_to_evaluate_or_export(program, tmp_path, mode):
    npz, workdir = small_run.npz(tmp_path), tmp_path / "work"
    ended = program.run(*small_run.flags(workdir, npz=npz, mode=mode))
    refused(ended, rule="only a trained work folder", right="--mode=train", received=str(workdir))
    assert not workdir.exists()


def test_batch_that_replicas_cannot_share(program, tmp_path):
    fields = {"distribution": "mirrored", "data__batch_size": 7}
    flags = small_run.flags(tmp_path / "work", npz=small_run.npz(tmp_path), **fields)
    ended = program.run(*flags, before=faults.logical_cpus(2))
    refused(ended, rule="divisible by the 2 replicas", received="data.batch_size=7")
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    "words", [["--config.defense.epsilon=8/255"], ["--config.defense.epsilon", "8/255"]]
)
def test_fraction_is_accepted(program, tmp_path, words):
    # Refused for its last field only, and with the epsilon that was meant.
    npz, workdir = small_run.npz(tmp_path), tmp_path / "work"
    ended = program.run(*small_run.flags(workdir, npz=npz), *words, "--config.defense.step_size=1")
    refused(ended, rule="2 * epsilon", received=f"with epsilon={8 / 255:g}")


@pytest.mark.parametrize("words", [["--config.data.dir=2024/11"], ["--config.data.dir", "2024/11"]])
def test_a_folder_is_no_fraction(words):
    assert command.tidied(words) == words


def test_default_work_folder_is_named_after_the_config(program, tmp_path):
    flags = small_run.flags(tmp_path, npz=small_run.npz(tmp_path), mode="export")
    flags = [flag for flag in flags if not flag.startswith(("--workdir", "--config="))]
    ended = program.run(f"--config={ROOT / 'configs/digits_dynamic.py'}", *flags, cwd=tmp_path)
    refused(ended, rule="trained work folder", received="in runs/digits_dynamic")
    ended = program.run(
        f"--config={ROOT / 'configs/cifar_dynamic.py'}:model=wide_resnet_34_10",
        "--mode=export",
        cwd=tmp_path,
    )
    refused(ended, rule="trained work folder", received="cifar_dynamic-model=wide_resnet_34_10")


WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = sys.modules["keras"] = None
"""


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--help"], ["--workdir=FOLDER", "sweeps"]),
        (["--config=digits_dynamic", "-h"], ["Fields of digits_dynamic,", "c_max"]),
        (["--help", "--config=sweeps:digits"], ["Fields of sweeps:digits,", "jobs"]),
        (["--version"], ["fosc_tf 0", "TensorFlow 2", "Keras 3"]),
    ],
)
def test_help_and_version_need_no_tensorflow(flags, words):
    code = f"{WITHOUT_TENSORFLOW}\nsys.argv = {['main.py', *flags]}\n"
    code += "import runpy; runpy.run_path('main.py', run_name='__main__')"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [word for word in words if word not in ended.stdout] == []
    assert max(map(len, ended.stdout.splitlines())) <= 80


def test_the_list_is_printed_without_a_config(program, tmp_path):
    ended = program.run("--list", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert "\n  digits_dynamic " in ended.out


def test_help_shows_what_would_run(program, tmp_path):
    """The values that were given, and what follows them, of a config of one's own too."""
    (tmp_path / "mine.py").write_text(
        "from configs import common\n\n\ndef get_config():\n"
        "    return common.digits('fgsm_pgd', fgsm_epochs=3)  # a note\n"
    )
    ended = program.run("--config=mine.py", "--config.defense.epsilon=0.5", "--help", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    lines = [line.split() for line in ended.out.splitlines()]
    assert ["step_size", "0.125"] in [words[:2] for words in lines]
    assert ["fgsm_epochs", "3", "a", "note"] in lines


def test_a_short_name_is_a_config_from_any_folder(program, tmp_path):
    flags = small_run.flags(tmp_path, npz=small_run.npz(tmp_path), mode="export")
    flags = [flag for flag in flags if not flag.startswith(("--workdir", "--config="))]
    for config in ("digits_dynamic", "configs/digits_dynamic.py"):
        ended = program.run(f"--config={config}", *flags, cwd=tmp_path)
        refused(ended, rule="trained work folder", received="in runs/digits_dynamic")
    ended = program.run("--config", "cifar_dynamic:model=resnet50", "--mode=export", cwd=tmp_path)
    refused(ended, rule="trained work folder", received="runs/cifar_dynamic-model=resnet50")


OF_ONES_OWN = """
from configs import common
from fosc_tf import command


@command.register("count")
def count(config, folder, overrides):
    print("counted", config.seed, folder.name, sorted(overrides))


def get_config():
    return common.digits("unsecured")
"""


def test_a_mode_of_ones_own(program, tmp_path):
    """A config file is code; read twice, as a sweep does, it may file the same again."""
    config = tmp_path / "mine.py"
    config.write_text(OF_ONES_OWN)
    flags = (f"--config={config}", f"--workdir={tmp_path / 'work'}", "--config.seed=7")
    ended = program.run(*flags, "--mode=count")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "counted 7 work ['seed']\n"
    refused(program.run(*flags, "--mode=cont"), rule="mode must be", right="count", received="cont")
    registered = command.MODES._factories
    before = dict(registered)
    try:
        for _ in "ab":
            assert command.config_of(["main.py", *flags, "--mode=count"]).seed == 7
    finally:
        registered.clear()
        registered.update(before)


@pytest.mark.parametrize(
    "words",
    [
        ["--config.evaluation.attacks=('clean',)", "--config.evaluation.attacks=('fgsm',)"],
        ["--config.evaluation.attacks", "('clean',)", "--config.evaluation.attacks", "('fgsm',)"],
        ["-config.evaluation.attacks=('clean',)", "--config.evaluation.attacks", "('fgsm',)"],
    ],
)
def test_the_last_of_two_flags_wins(words):
    """absl joins tuples, and takes the last of anything else."""
    more = [
        "--config.seed=1",
        "--config.data.augment",
        "--noconfig.data.augment",
        "--config.seed=2",
    ]
    config = command.config_of(["main.py", CONFIG, *words, *more])
    assert config.evaluation.attacks == ("fgsm",)
    assert (config.seed, config.data.augment) == (2, False)


def test_another_backend_is_refused_in_one_sentence():
    environment = os.environ | {"KERAS_BACKEND": "numpy"}
    ended = subprocess.run(
        [sys.executable, "-c", "import fosc_tf"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    last = ended.stderr.strip().splitlines()[-1]
    assert "fosc_tf needs Keras with TensorFlow, and Keras is set to numpy" in last


# How the program is started: what Python is given, and what it takes for its first word.
DOORS = {
    "main.py": "import os, runpy; runpy.run_path('main.py'); ",
    "fosc-tf": "import os, sys; sys.argv = ['bin/fosc-tf']; from fosc_tf.__main__ import start; ",
    "-m": "import os, sys; sys.argv = ['-m']; from fosc_tf.__main__ import start; ",
}


@pytest.mark.parametrize("door", DOORS)
def test_the_program_chooses_what_works_here(door):
    """Its own backend, whatever is set for other programs; oneDNN, unless the user says no."""
    source = DOORS[door]
    source += "print(*(os.environ[n] for n in ('KERAS_BACKEND', 'TF_ENABLE_ONEDNN_OPTS')))"
    for given, expected in (({}, "tensorflow 1"), ({"TF_ENABLE_ONEDNN_OPTS": "0"}, "tensorflow 0")):
        left = {n: v for n, v in os.environ.items() if n != "TF_ENABLE_ONEDNN_OPTS"}
        environment = left | {"KERAS_BACKEND": "numpy"} | given
        ended = subprocess.run(
            [sys.executable, "-c", source],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert ended.stdout.strip() == expected


# What a config file says, and what the message quotes of it.
CONFIG_FILES = {
    "no syntax": ("def get_config(:\n", "SyntaxError: invalid syntax"),
    "no text": ("\udc80\udc81", "SyntaxError"),
    "no module": ("import nowhere\n", "No module named 'nowhere'"),
    "division": ("def get_config():\n    return 1 / 0\n", "ZeroDivisionError"),
    "recursion": ("def get_config():\n    return get_config()\n", "RecursionError"),
    "assertion": ("def get_config():\n    assert False, 'a\\nb'\n", "AssertionError: a b"),
    "dict": ("def get_config():\n    return {'seed': 0}\n", "returned {'seed': 0}"),
}


@pytest.mark.parametrize("case", CONFIG_FILES)
def test_config_file_that_does_not_run(program, tmp_path, case):
    text, received = CONFIG_FILES[case]
    (tmp_path / "mine.py").write_bytes(text.encode(errors="surrogateescape"))
    ended = program.run(f"--config={tmp_path / 'mine.py'}", f"--workdir={tmp_path / 'work'}")
    refused(ended, rule="must run, and its get_config()", right="digits_dynamic", received=received)


def test_config_file_that_returns_nothing(program, tmp_path):
    (tmp_path / "mine.py").write_text("def get_config():\n    config = 3\n")
    ended = program.run(f"--config={tmp_path / 'mine.py'}")
    assert ended.code == 2
    assert "return a ConfigDict" in ended.err
    assert "one that returned None" in ended.err


# What is missing from a config, or is no section, and what the message calls it.
MISSING = {
    "data": ("del config.data", "without data.name, data.npz"),
    "defense": ("del config.defense", "without defense.name"),
    "evaluation": (
        "del config.evaluation; config.evaluation = 3",
        "without evaluation.attacks, evaluation.checkpoints",
    ),
    "seed": ("del config.seed", "without seed"),
    "one of many": ("del config.checkpoint.keep", "without checkpoint.keep."),
}


@pytest.mark.parametrize("case", MISSING)
def test_config_without_a_section_or_field(program, tmp_path, case):
    change, received = MISSING[case]
    text = (
        "from ml_collections import ConfigDict\nfrom configs import common\n\ndef get_config():\n"
        "    config = ConfigDict(common.digits('standard').to_dict())\n"
        f"    {change}\n    return config\n"
    )
    (tmp_path / "mine.py").write_text(text)
    ended = program.run(f"--config={tmp_path / 'mine.py'}", f"--workdir={tmp_path / 'work'}")
    refused(ended, rule="must have the fields", right="configs/common.py", received=received)
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("runs", ["5", "('ab',)", "((),)", "(('a', 3),)"])
def test_sweep_whose_runs_are_none(program, tmp_path, runs):
    text = "from ml_collections import ConfigDict\n\ndef get_config():\n    return ConfigDict(dict("
    text += f"runs={runs}, arguments='', jobs=1, only=(), print_only=False))\n"
    (tmp_path / "mine.py").write_text(text)
    flags = [f"--config={tmp_path / 'mine.py'}", "--mode=sweep", f"--workdir={tmp_path / 'work'}"]
    refused(program.run(*flags), rule="tuples of a label and flags", received="runs=")
    (tmp_path / "mine.py").write_text(text.replace("jobs=1, ", ""))
    refused(program.run(*flags), rule="must have the fields", received="without jobs")


@pytest.mark.parametrize("flags", [["--config=digits_dynamic", "--help"], ["--version"]])
def test_whoever_reads_may_stop_reading(flags):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "main.py", *flags]
    ended = subprocess.run(command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (1, b"")
