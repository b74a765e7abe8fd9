"""What the tests of several rooms share."""

from collections.abc import Iterator

import pytest

from tests.program import Program


@pytest.fixture(scope="session")
def program() -> Iterator[Program]:
    """Starts main.py; TensorFlow is imported once for all of a process' tests."""
    program = Program()
    yield program
    program.close()
