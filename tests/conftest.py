"""What the tests of several rooms share."""

import pathlib
from collections.abc import Iterator

import pytest

from tests import small_run
from tests.program import Program


@pytest.fixture(scope="session")
def program() -> Iterator[Program]:
    """Starts main.py; TensorFlow is imported once for all of a process' tests."""
    program = Program()
    yield program
    program.close()


@pytest.fixture(scope="session")
def npz(tmp_path_factory) -> pathlib.Path:
    """The file that small runs train on."""
    return small_run.npz(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def undisturbed(program, npz, tmp_path_factory) -> pathlib.Path:
    """The work folder of a small run from start to end, to be copied before it is changed."""
    folder = tmp_path_factory.mktemp("undisturbed") / "work"
    ended = program.run(*small_run.flags(folder, npz=npz))
    assert ended.code == 0, ended.err
    return folder
