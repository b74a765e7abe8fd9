"""Config files by path and by short name, in a clone and in an installed package."""

import shutil
import subprocess
import sys

import pytest

from fosc_tf import config_file
from tests.data.three_parts import refused
from tests.program import ROOT


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_names_are_those_of_files_with_a_config():
    found = config_file.names()
    assert {"digits_dynamic", "sweeps"} <= set(found)
    assert not {"common", "__init__"} & set(found)
    assert found == sorted(found)


@pytest.mark.parametrize("argument", ["", ":a", ":a:b=c/d.py"])
@pytest.mark.parametrize("given", ["digits_dynamic", "configs/digits_dynamic.py"])
def test_a_shipped_config_is_found_from_any_folder(elsewhere, given, argument):
    file = ROOT / "configs" / "digits_dynamic.py"
    assert config_file.located(given + argument) == f"{file}{argument}"


@pytest.mark.parametrize("given", ["digits_dynamic", "configs/digits_dynamic.py", "mine.py"])
def test_a_file_wins(elsewhere, given):
    path = elsewhere / given
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert config_file.located(f"{given}:arg") == f"{given}:arg"


def test_what_is_neither_is_told_with_the_nearest_name(elsewhere):
    (elsewhere / "configs").mkdir()
    (elsewhere / "configs" / "own_one.py").touch()
    for given, nearest in (
        ("digit_dynamic", "(nearest: digits_dynamic)"),
        ("sweps:digits", "(nearest: sweeps)"),
        ("configs/digit_dynamic.py", "(nearest: configs/digits_dynamic.py)"),
        ("configs/own_on.py", "(nearest: configs/own_one.py)"),
    ):
        name = given.partition(":")[0]
        refused(
            lambda given=given: config_file.located(given),
            rule="config must be a known one",
            right=nearest,
            received=repr(name),
        )


def test_an_installed_package_holds_its_own(monkeypatch, tmp_path):
    shipped = tmp_path / "fosc_tf" / "shipped" / "configs"
    shutil.copytree(ROOT / "configs", shipped)
    monkeypatch.setattr(config_file, "PACKAGE", tmp_path / "fosc_tf")
    assert config_file.root() == shipped.parent
    assert config_file.located("digits_dynamic") == str(shipped / "digits_dynamic.py")


# What lies in the folder that Python looks into first, and whether `configs` is then ours.
NEIGHBOURS = {
    "nothing": ({}, True),
    "folder of files": ({"mine.py": ""}, True),
    "package": ({"__init__.py": "", "common.py": ""}, False),
}


@pytest.mark.parametrize("case", NEIGHBOURS)
def test_configs_can_be_imported_after_whatever_is_there(elsewhere, case):
    files, ours = NEIGHBOURS[case]
    for name, text in files.items():
        (elsewhere / "configs").mkdir(exist_ok=True)
        (elsewhere / "configs" / name).write_text(text)
    # The package without the clone around it on the path, as an editable installation has it.
    code = f"""
import importlib.util, sys
package = importlib.util.spec_from_file_location("fosc_tf", {str(ROOT / "fosc_tf/__init__.py")!r})
sys.modules["fosc_tf"] = importlib.util.module_from_spec(package)
from fosc_tf import config_file
for _ in "ab":
    config_file.make_importable()
from configs import common
print(common.__file__, sys.path.count({str(ROOT)!r}), sys.path[-1])
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={}
    )
    file, times, last = ended.stdout.split()
    if ours:
        assert (file, times, last) == (str(ROOT / "configs/common.py"), "1", str(ROOT))
    else:
        assert (file, times) == (str(elsewhere / "configs/common.py"), "0")
