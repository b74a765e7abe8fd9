"""How the program was started decides how it is started again, and what the record says."""

import subprocess
import sys

import pytest

from fosc_tf import launcher
from tests.program import ROOT

MODULE = str(ROOT / "fosc_tf" / "__main__.py")


@pytest.mark.parametrize(
    ("first", "typed", "again", "is_program"),
    [
        (str(ROOT / "main.py"), ["python", str(ROOT / "main.py")], [str(ROOT / "main.py")], True),
        ("main.py", ["python", "main.py"], ["main.py"], True),
        (MODULE, ["python", "-m", "fosc_tf"], ["-m", "fosc_tf"], True),
        ("gone/bin/fosc-tf", ["fosc-tf"], ["-m", "fosc_tf"], True),
        ("-m", ["python", "-m"], ["-m", "fosc_tf"], True),
        ("setup.py", ["python", "setup.py"], ["-m", "fosc_tf"], False),
        ("other/main.py", ["python", "other/main.py"], ["-m", "fosc_tf"], False),
        ("", ["python", ""], ["-m", "fosc_tf"], False),
    ],
)
def test_each_door(monkeypatch, first, typed, again, is_program):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", [first, "--config=x"])
    assert (launcher.typed(), launcher.again(), launcher.is_program()) == (typed, again, is_program)


def test_a_script_starts_itself_again(monkeypatch, tmp_path):
    script = tmp_path / "fosc-tf"
    script.touch()
    monkeypatch.setattr("sys.argv", [str(script)])
    assert (launcher.typed(), launcher.again()) == (["fosc-tf"], [str(script)])


def test_somebody_elses_main_is_not_ours(monkeypatch, tmp_path):
    """A sweep in a folder with a main.py does not start that."""
    (tmp_path / "main.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["main.py"])
    assert launcher.again() == ["-m", "fosc_tf"]
    assert not launcher.is_program()


@pytest.mark.parametrize("door", [["main.py"], ["-m", "fosc_tf"]])
def test_doors_open_whatever_backend_is_set_for_other_programs(monkeypatch, door):
    monkeypatch.setenv("KERAS_BACKEND", "numpy")
    command = [sys.executable, *door, "--version"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("fosc_tf ")
