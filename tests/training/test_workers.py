"""Two worker processes on this machine train what one process trains."""

from __future__ import annotations

import json
import random
import shutil
import socket
import time

import numpy as np
import pytest
import tensorflow as tf

from tests import faults, small_run
from tests.program import Program
from tests.training.replica_run import ALL_PARTS

NAMES = ("standard", "dynamic", "standard, batch norm", ALL_PARTS)
NAMES += ("atas", "dynamic_memory, by share", "free", "yopo")


@pytest.fixture(scope="module")
def programs(program):
    """Those that start the first and the second worker."""
    other = Program()
    yield program, other
    other.close()


def told(cluster, number):
    """Python text for `Program.start(before=...)`: which worker of which cluster this is."""
    task = {"type": "worker", "index": number}
    told = json.dumps({"cluster": {"worker": cluster}, "task": task})
    return f"import os; os.environ['TF_CONFIG'] = {told!r}\n"


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("localhost", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def result(running):
    """Returns what a process printed, by the name of the defense."""
    ended = running.wait(200)
    assert ended.code == 0, ended.err[-3000:]
    lines = ended.out.splitlines()
    found = [json.loads(line.removeprefix("FOUND ")) for line in lines if line[:6] == "FOUND "]
    return {each["name"]: each for each in found}


@pytest.fixture(scope="module")
def found(programs):
    """What one process finds alone, and each of two together."""
    cluster, run = [f"localhost:{port}" for port in free_ports(2)], "tests.training.worker_run"
    alone = result(programs[0].start(*NAMES, module=run))
    two = [
        each.start(*NAMES, module=run, before=told(cluster, number))
        for number, each in enumerate(programs)
    ]
    try:
        return alone, [result(each) for each in two]
    finally:
        for each in two:
            each.end()


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
    ended = [worker.wait(120) for worker in workers]
    assert ended[1 - killed].code not in (0, 2)  # or the kill came too late to prove anything
    if killed == 1:
        assert "Another worker is gone" in ended[0].out + ended[0].err
    newest = small_run.newest_first(together / "checkpoints")[0]
    again = main_together([together, together])
    assert [worker.wait(200).code for worker in again] == [0, 0]
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
    for number, worker in enumerate(main_together(folders)):
        ended = worker.wait(120)
        assert ended.code == 2
        assert "Received: step is 6 and 0." in ended.out + ended.err
        assert not (tmp_path / f"steps_{number}").exists()


@pytest.mark.slow
def test_workers_of_different_networks_are_refused(main_together, tmp_path):
    folder = tmp_path / "work"
    flags = [["--config.model.name=digits_mlp"], ["--config.model.name=digits_cnn"]]
    for worker in main_together([folder, folder], flags=flags):
        ended = worker.wait(120)
        assert ended.code == 2
        assert "Received: model.name is digits_mlp and digits_cnn." in ended.out + ended.err


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1])
def test_a_worker_of_a_trained_run_needs_no_other(undisturbed, main_together, tmp_path, number):
    folder = shutil.copytree(undisturbed, tmp_path / "work")
    (folder / "results.json").unlink()
    (worker,) = main_together([folder, folder], only=number)
    ended = worker.wait(120)
    assert ended.code == 0, ended.err
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
def main_together(programs, npz):
    """Starts main.py on the workers of one run, one for each folder, or on one of them only.

    Each takes its own further `flags`, and leaves steps_NUMBER, the steps it took, beside its
    folder.
    """
    started = []

    def main_together(folders, only=None, flags=((), ())):
        cluster = [f"localhost:{port}" for port in free_ports(len(folders))]
        numbers = range(len(folders)) if only is None else [only]
        return [start(folders[number], number, cluster, flags[number]) for number in numbers]

    def start(folder, number, cluster, further):
        steps = folder.with_name(f"steps_{number}")
        steps.unlink(missing_ok=True)
        flags = [*small_run.flags(folder, npz=npz), "--config.distribution=multi_worker", *further]
        before = told(cluster, number) + faults.steps_written(steps)
        started.append(programs[number].start(*flags, before=before))
        return started[-1]

    yield main_together
    for worker in started:
        worker.end()


def wait_for(path, workers):
    """Waits until there is such a file; fails when the workers end before."""
    for _ in range(4000):
        if path.exists():
            return
        assert all(worker.is_alive() for worker in workers)
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
        cluster = [f"localhost:{port}" for port in (taken.getsockname()[1], 1)]
        ended = program.run(*flags, before=told(cluster, 0))
    # Not 2, a mistake: the worker that was there may be about to end.
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert "cannot listen at its address" in ended.err
