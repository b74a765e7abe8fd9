"""Two worker processes on this machine train what one process trains."""

from __future__ import annotations

import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.training.distribution import strategy
from tests import small_run
from tests.data.three_parts import refused

ROOT = pathlib.Path(__file__).parents[2]
NAMES = ("standard", "dynamic", "standard, batch norm")


def started(folder, *names, cluster=None, number=0):
    """Starts a worker that writes into files: one that waits for its reader stops the other."""
    environment = environment_of(cluster, number)
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        command = [sys.executable, "-m", "tests.training.worker_run", *names]
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=err)


def environment_of(cluster, number):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}
    if cluster:
        task = {"type": "worker", "index": number}
        environment["TF_CONFIG"] = json.dumps({"cluster": {"worker": cluster}, "task": task})
    return environment


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("localhost", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def result(process, folder):
    """Returns what a process printed, by the name of the defense."""
    try:
        code = process.wait(timeout=200)
    finally:
        process.kill()
    assert code == 0, (folder / "err").read_text()[-3000:]
    lines = (folder / "out").read_text().splitlines()
    found = [json.loads(line.removeprefix("FOUND ")) for line in lines if line[:6] == "FOUND "]
    return {each["name"]: each for each in found}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What one process finds alone, and each of two together."""
    folders = [tmp_path_factory.mktemp("worker") for _ in range(3)]
    cluster = [f"localhost:{port}" for port in free_ports(2)]
    two = [
        (started(folder, *NAMES, cluster=cluster, number=number), folder)
        for number, folder in enumerate(folders[:2])
    ]
    together = [result(*each) for each in two]
    return result(started(folders[2], *NAMES), folders[2]), together


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
        # Else the gate was never at work.
        assert any(0.0 < share < 1.0 for share in alone["logs"]["frozen"]), alone["logs"]


@pytest.mark.slow
def test_a_killed_worker_costs_the_steps_since_the_last_checkpoint(program, tmp_path):
    npz = small_run.npz(tmp_path)
    alone, together = tmp_path / "alone", tmp_path / "together"
    assert program.run(*small_run.flags(alone, npz=npz)).code == 0
    workers = main_together(together, npz)
    wait_for(together / "checkpoints" / "step-3.index", workers)
    time.sleep(random.uniform(0.0, 1.0))
    workers[1].kill()
    ended = [worker.wait(timeout=120) for worker in workers]
    assert ended[0] not in (0, 2)  # or the kill came too late to prove anything
    assert "Another worker is gone" in (tmp_path / "together_0.txt").read_text()
    assert [worker.wait(timeout=200) for worker in main_together(together, npz)] == [0, 0]
    one, other = (final_values(folder / "checkpoints") for folder in (alone, together))
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_allclose(value, other[name], atol=1e-6, err_msg=name)
    results = [(folder / "results.json").read_text() for folder in (alone, together)]
    assert results[0] == results[1]


def main_together(folder, npz):
    """Starts main.py on two workers of one run."""
    cluster = [f"localhost:{port}" for port in free_ports(2)]
    flags = [*small_run.flags(folder, npz=npz), "--config.distribution=multi_worker"]
    workers = []
    for number in range(2):
        log = folder.with_name(f"{folder.name}_{number}.txt").open("w")
        environment = environment_of(cluster, number)
        command = [sys.executable, "main.py", *map(str, flags)]
        workers.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))
        log.close()
    return workers


def wait_for(path, workers):
    """Waits until there is such a file; fails when the workers end before."""
    for _ in range(4000):
        if path.exists():
            return
        assert all(worker.poll() is None for worker in workers)
        time.sleep(0.05)
    raise AssertionError(f"no {path}")


def final_values(folder):
    """Returns the floating values of network and optimizer in the last checkpoint."""
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(folder)))
    kinds = reader.get_variable_to_dtype_map()
    return {
        name: reader.get_tensor(name)
        for name, kind in kinds.items()
        if name.startswith(("network", "optimizer")) and kind.is_floating
    }


def test_workers_that_nothing_tells_of(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.delenv("SLURM_PROCID", raising=False)
    refused(
        lambda: strategy("multi_worker"),
        rule="must be told of its workers",
        right="TF_CONFIG",
        received="neither",
    )
