"""Two worker processes on this machine train what one process trains."""

from __future__ import annotations

import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from tests import faults, small_run
from tests.training.replica_run import ALL_PARTS

ROOT = pathlib.Path(__file__).parents[2]
NAMES = ("standard", "dynamic", "standard, batch norm", ALL_PARTS)
NAMES += ("atas", "dynamic_memory, by share", "free", "yopo")


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
@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_worker_costs_the_steps_since_the_last_checkpoint(
    undisturbed, main_together, tmp_path, killed
):
    together = tmp_path / "together"
    workers = main_together([together, together])
    wait_for(together / "checkpoints" / "step-3.index", workers)
    time.sleep(random.uniform(0.0, 1.0))
    workers[killed].kill()
    ended = [worker.wait(timeout=120) for worker in workers]
    assert ended[1 - killed] not in (0, 2)  # or the kill came too late to prove anything
    if killed == 1:
        assert "Another worker is gone" in (tmp_path / "out_0").read_text()
    newest = small_run.newest_first(together / "checkpoints")[0]
    again = main_together([together, together])
    assert [worker.wait(timeout=200) for worker in again] == [0, 0]
    following = int(newest.name.removeprefix("step-")) + 1
    for number in range(2):
        steps = [int(step) for step in (tmp_path / f"steps_{number}").read_text().split()]
        assert steps == list(range(following, small_run.STEPS + 1))
    one, other = (final_values(folder / "checkpoints") for folder in (undisturbed, together))
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_allclose(value, other[name], atol=1e-6, err_msg=name)
    results = [(folder / "results.json").read_text() for folder in (undisturbed, together)]
    assert results[0] == results[1]


@pytest.mark.slow
def test_workers_of_different_folders_are_refused(program, npz, main_together, tmp_path):
    folders = [tmp_path / "one", tmp_path / "other"]
    saved = "fosc_tf.callbacks.saving:Saving.on_train_batch_end"
    killed = faults.killed(saved, call=7, when="after")
    assert program.run(*small_run.flags(folders[0], npz=npz), before=killed).code == -9
    workers = main_together(folders)
    assert [worker.wait(timeout=120) for worker in workers] == [2, 2]
    for number in range(2):
        assert "Received: step is 6 and 0." in (tmp_path / f"out_{number}").read_text()
        assert not (tmp_path / f"steps_{number}").exists()


@pytest.mark.slow
def test_workers_of_different_networks_are_refused(main_together, tmp_path):
    folder = tmp_path / "work"
    flags = [["--config.model.name=digits_mlp"], ["--config.model.name=digits_cnn"]]
    workers = main_together([folder, folder], flags=flags)
    assert [worker.wait(timeout=120) for worker in workers] == [2, 2]
    for number in range(2):
        out = (tmp_path / f"out_{number}").read_text()
        assert "Received: model.name is digits_mlp and digits_cnn." in out


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1])
def test_a_worker_of_a_trained_run_needs_no_other(undisturbed, main_together, tmp_path, number):
    folder = shutil.copytree(undisturbed, tmp_path / "work")
    (folder / "results.json").unlink()
    (worker,) = main_together([folder, folder], only=number)
    assert worker.wait(timeout=120) == 0, (tmp_path / f"out_{number}").read_text()
    assert (folder / "results.json").exists() == (number == 0)
    assert not (tmp_path / f"steps_{number}").exists()


@pytest.mark.parametrize("mode", ["evaluate", "analyze", "report", "export"])
def test_workers_only_train(program, npz, tmp_path, mode):
    fields = {"mode": mode, "distribution": "multi_worker"}
    ended = program.run(*small_run.flags(tmp_path / "work", npz=npz, **fields))
    assert ended.code == 2
    assert "several workers train together and do nothing else" in ended.err
    assert not (tmp_path / "work").exists()


@pytest.fixture
def main_together(npz):
    """Starts main.py on the workers of one run, one for each folder, or on one of them only.

    Each takes its own further `flags`, and leaves beside its folder out_NUMBER, what it printed,
    and steps_NUMBER, the steps it took.
    """
    started = []

    def main_together(folders, only=None, flags=((), ())):
        cluster = [f"localhost:{port}" for port in free_ports(len(folders))]
        numbers = range(len(folders)) if only is None else [only]
        return [start(folders[number], number, cluster, flags[number]) for number in numbers]

    def start(folder, number, cluster, further):
        steps = folder.with_name(f"steps_{number}")
        steps.unlink(missing_ok=True)
        main = "import runpy; runpy.run_path('main.py', run_name='__main__')"
        flags = [*small_run.flags(folder, npz=npz), "--config.distribution=multi_worker", *further]
        command = [sys.executable, "-c", faults.steps_written(steps) + main, *map(str, flags)]
        with folder.with_name(f"out_{number}").open("w") as out:
            environment = environment_of(cluster, number)
            worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
        started.append(worker)
        return worker

    yield main_together
    for worker in started:
        worker.kill()


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


def test_an_address_that_is_taken(program, tmp_path):
    npz = small_run.npz(tmp_path)
    flags = small_run.flags(tmp_path / "work", npz=npz, distribution="multi_worker")
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        cluster = {"worker": [f"localhost:{port}" for port in (taken.getsockname()[1], 1)]}
        told = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}})
        ended = program.run(*flags, before=f"import os; os.environ['TF_CONFIG'] = {told!r}\n")
    # Not 2, a mistake: the worker that was there may be about to end.
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert "cannot listen at its address" in ended.err
