"""What an installation holds, and that the program works from it in an empty folder."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

import fosc_tf
from fosc_tf import config_file
from tests.program import ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> pathlib.Path:
    """A folder with the contents of the wheel, built from a copy of what it is made of."""
    source, place = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("fosc_tf", "configs"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir")
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, source, source], capture_output=True
    )
    assert built.returncode == 0, built.stderr.decode()
    (wheel,) = source.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    return place


def run(installed, folder, *flags):
    return subprocess.run(
        [sys.executable, "-m", "fosc_tf", *flags],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_it_holds_the_package_its_types_the_configs_and_no_more(installed):
    (about,) = installed.glob("fosc_tf-*.dist-info")
    assert {path.name for path in installed.iterdir()} == {"fosc_tf", about.name}
    found = {path.relative_to(installed) for path in installed.glob("fosc_tf/**/*.*")}
    wanted = {path.relative_to(ROOT) for path in (ROOT / "fosc_tf").rglob("*.*")}
    wanted = {path for path in wanted if "__pycache__" not in path.parts}
    shipped = {
        pathlib.Path("fosc_tf/shipped/configs", path.name)
        for path in (ROOT / "configs").glob("*.py")
    }
    assert found == wanted | shipped
    assert pathlib.Path("fosc_tf/py.typed") in found
    assert "fosc-tf = fosc_tf.__main__:start" in (about / "entry_points.txt").read_text()


def test_its_configs_are_found_by_name_in_an_empty_folder(installed, tmp_path):
    ended = run(installed, tmp_path, "--config=digits_dynamic", "--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Fields of digits_dynamic," in ended.stdout
    assert "  python -m fosc_tf --config=NAME" in ended.stdout
    (tmp_path / "mine.py").write_text(
        "from configs import common\n\n\ndef get_config():\n    return common.digits('standard')\n"
    )
    ended = run(installed, tmp_path, "--config=mine.py", "--help")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "examples of one weight update" in ended.stdout
    ended = run(installed, tmp_path, "--config=digit_dynamic")
    assert ended.returncode == 2
    assert f"one of {', '.join(config_file.names())} (nearest: digits_dynamic)" in ended.stderr


@pytest.mark.slow
def test_a_sweep_starts_its_runs_from_it(installed, tmp_path):
    further = "--config.total_epochs=1 --config.evaluation.check_examples=0"
    further += " --config.model.name=digits_mlp \"--config.evaluation.attacks=('clean',)\""
    flags = ("--config=sweeps:digits", "--mode=sweep", "--config.only=(0,)")
    ended = run(installed, tmp_path, *flags, f"--config.arguments={further}")
    assert (ended.returncode, ended.stderr) == (0, "")
    folder = tmp_path / "runs" / "sweeps-digits" / "digits_unsecured,seed=0"
    assert (folder / "export" / "saved_model.pb").exists()
    assert '"command": "python -m fosc_tf --config=' in (folder / "run.json").read_text()


def test_the_citation_is_of_this_version():
    text = (ROOT / "CITATION.cff").read_text()
    assert re.search(r"^version: (.+)$", text, re.MULTILINE)[1] == fosc_tf.__version__
    assert "On the Convergence and Robustness of Adversarial Training" in text


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md"])
def test_files_that_a_page_names_exist(name):
    text = (ROOT / name).read_text()
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    paths = re.findall(r"`((?:fosc_tf|tests|configs|\.ci)/[a-z_./]+)`", text)
    assert [path for path in (*links, *paths) if not (ROOT / path).exists()] == []
