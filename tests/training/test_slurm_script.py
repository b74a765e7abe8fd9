"""docs/slurm.sh with programs in the place of Slurm's."""

import os
import pathlib
import subprocess

import pytest

SCRIPT = pathlib.Path(__file__).parents[2] / "docs" / "slurm.sh"


@pytest.mark.parametrize(
    ("code", "restarts", "ends", "requeued"),
    [(0, 0, 0, False), (1, 0, 0, True), (1, 10, 1, False), (2, 0, 2, False), (137, 9, 0, True)],
)
def test_a_failed_job_is_queued_again_but_not_for_ever(tmp_path, code, restarts, ends, requeued):
    mark = tmp_path / "requeued"
    for name, line in (("srun", f"exit {code}"), ("scontrol", f'echo "$@" > {mark}')):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{line}\n")
        program.chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SLURM_JOB_ID": "7",
        "SLURM_RESTART_COUNT": str(restarts),
    }
    ended = subprocess.run(["bash", SCRIPT, "configs/digits_dynamic.py", "work"], env=environment)
    assert ended.returncode == ends
    assert mark.exists() == requeued
    if requeued:
        assert mark.read_text() == "requeue 7\n"
