"""Two worker processes on this machine train what one process trains."""

from __future__ import annotations

import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest

from fosc_tf.training.distribution import strategy
from tests.data.three_parts import refused

ROOT = pathlib.Path(__file__).parents[2]
NAMES = ("standard", "dynamic")


def started(*names, cluster=None, number=0):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}
    if cluster:
        task = {"type": "worker", "index": number}
        environment["TF_CONFIG"] = json.dumps({"cluster": {"worker": cluster}, "task": task})
    return subprocess.Popen(
        [sys.executable, "-m", "tests.training.worker_run", *names],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("localhost", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def result(process):
    """Returns what a process printed, by the name of the defense."""
    out, err = process.communicate(timeout=600)
    lines = [line for line in out.splitlines() if line.startswith("FOUND ")]
    found = [json.loads(line.removeprefix("FOUND ")) for line in lines]
    assert process.returncode == 0, err[-3000:]
    return {each["name"]: each for each in found}


@pytest.fixture(scope="module")
def found():
    """What one process finds alone, and each of two together."""
    cluster = [f"localhost:{port}" for port in free_ports(2)]
    two = [started(*NAMES, cluster=cluster, number=number) for number in range(2)]
    together = [result(process) for process in two]
    return result(started(*NAMES)), together


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_two_workers_train_what_one_process_trains(found, name):
    alone, together = found[0][name], [each[name] for each in found[1]]
    assert [each["worker"] for each in together] == [[0, 2], [1, 2]]
    assert alone["worker"] == [0, 1]
    for each in together:
        for one, other in zip(alone["weights"], each["weights"], strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)
        assert sorted(each["logs"]) == sorted(alone["logs"])
        for key, values in alone["logs"].items():
            np.testing.assert_allclose(values, each["logs"][key], atol=1e-5, err_msg=key)
    if name == "dynamic":
        assert 0.0 < alone["logs"]["frozen"][0] < 1.0  # else the gate was never at work


def test_workers_that_nothing_tells_of(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.delenv("SLURM_PROCID", raising=False)
    refused(
        lambda: strategy("multi_worker"),
        rule="must be told of its workers",
        right="TF_CONFIG",
        received="neither",
    )
