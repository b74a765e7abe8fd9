"""A work folder in use is refused to others, and free again when its process has ended."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from fosc_tf.runs import lock
from fosc_tf.runs.record import RunRecord
from tests.data.three_parts import refused
from tests.program import ROOT

HOLDER = """
import pathlib, sys, time
from fosc_tf.runs import lock
lock.hold(pathlib.Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""

pytestmark = pytest.mark.skipif(lock.fcntl is None, reason="no file locks on this system")


@pytest.fixture
def holder(tmp_path):
    """Another process that holds `tmp_path`."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_folder_in_use_is_refused_until_its_process_is_killed(holder, tmp_path):
    refused(
        lambda: lock.hold(tmp_path),
        rule="only one process at a time",
        right="another --workdir",
        received=f"{tmp_path}, in use",
    )
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    lock.hold(tmp_path)


def test_a_run_is_not_begun_in_a_folder_in_use(holder, tmp_path):
    refused(
        lambda: RunRecord.open(tmp_path, {"seed": 0}, {}),
        rule="only one process at a time",
        right="has ended",
        received="in use by another",
    )
    assert not (tmp_path / "run.json").exists()


def test_the_same_process_may_come_again(tmp_path):
    lock.hold(tmp_path)
    lock.hold(tmp_path / "." / "")
    other = tmp_path / "other"
    other.mkdir()
    lock.hold(other)
