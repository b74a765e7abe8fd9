"""A run that is killed at any moment, or that finds a damaged disk, ends as if it had not been.

The kill points are drawn once from a seeded generator; a failing one can be repeated.
"""

from __future__ import annotations

import json
import random
import shutil

import numpy as np
import pytest
import tensorflow as tf

from fosc_tf.errors import UserError
from fosc_tf.runs import trained
from tests import faults, small_run
from tests.program import wait_for

RANDOM = random.Random(20190611)
SAVED = (3, 4, 6, 8, 9)  # steps of checkpoints: every third and the ends of epochs
SAVING = "fosc_tf.callbacks.saving:Saving"
CHECKPOINTS = "fosc_tf.training.checkpoints:Checkpoints"
# Each chain is one run, killed at these points one start after the other: (where, which call of
# that start, before or after it).
CHAINS = {
    "within an epoch": [
        (f"{SAVING}.on_train_batch_end", RANDOM.randint(4, 5), "before"),
        (f"{SAVING}.on_train_batch_end", RANDOM.randint(1, 3), "after"),
        ("fosc_tf.callbacks.nan_guard:NanGuard.on_train_batch_end", RANDOM.randint(1, 3), "after"),
    ],
    "at the end of an epoch": [
        ("fosc_tf.callbacks.fosc_histogram:FoscHistogram.on_epoch_end", 1, "after"),
        (f"{CHECKPOINTS}.save_best", 1, "after"),
        (f"{SAVING}.on_epoch_end", 1, "after"),
        # The checkpoint is whole, but not yet in TensorFlow's list of them.
        (
            "tensorflow.python.checkpoint.checkpoint_management:update_checkpoint_state_internal",
            RANDOM.randint(1, 2),
            "before",
        ),
    ],
    "after training": [
        (f"{CHECKPOINTS}.save", len(SAVED) + 1, "after"),  # the last one
        ("fosc_tf.runs.evaluation:white_box", RANDOM.randint(1, 2), "after"),
        ("fosc_tf.show.table:write", 1, "after"),
        ("fosc_tf.export.writing:_verify", RANDOM.randint(1, 2), "before"),
    ],
}


@pytest.fixture
def finished(undisturbed, tmp_path):
    """A copy of the finished run, to be damaged."""
    return shutil.copytree(undisturbed, tmp_path / "work")


def same(workdir, undisturbed):
    expected, received = small_run.outcome(undisturbed), small_run.outcome(workdir)
    assert received.keys() == expected.keys()
    assert [name for name in expected if received[name] != expected[name]] == []


def nothing_left_behind(workdir):
    names = {path.name for path in workdir.iterdir()}
    assert names == {
        *("run.json", "history.json", "times.json", "results.json", "results.md", "checks.json"),
        *("evaluation.jsonl", ".lock", "updates.npz"),
        *("checkpoints", "fosc", "losses", "gradients", "tensorboard", "export", "export_best"),
    }
    assert len(small_run.newest_first(workdir / "checkpoints")) == 3
    assert len(small_run.newest_first(workdir / "checkpoints" / "best")) == 1
    assert not list(workdir.rglob("*_temp"))


def start(program, flags, workdir, before=""):
    """Starts the run; returns a check that its first step followed the last checkpoint."""
    newest = small_run.newest_first(workdir / "checkpoints")
    last = int(newest[0].name.removeprefix("step-")) if newest else 0
    steps = workdir.parent / "steps"
    steps.unlink(missing_ok=True)
    running = program.start(*flags, before=faults.steps_written(steps) + before)

    def wait():
        ended = running.wait()
        first = steps.read_text().split()[0] if steps.exists() else str(small_run.STEPS + 1)
        assert first == str(last + 1)
        return ended

    return running, wait


@pytest.mark.slow
@pytest.mark.parametrize("chain", CHAINS)
def test_killed_and_restarted_run_equals_the_uninterrupted_one(
    program, npz, undisturbed, tmp_path, chain
):
    workdir, flags = tmp_path / "work", small_run.flags(tmp_path / "work", npz=npz)
    for where, call, when in CHAINS[chain]:
        _, wait = start(program, flags, workdir, faults.killed(where, call=call, when=when))
        assert wait().code == -9, (where, call, when)
    _, wait = start(program, flags, workdir)
    ended = wait()
    assert ended.code == 0, ended.err
    same(workdir, undisturbed)
    nothing_left_behind(workdir)
    times = json.loads((workdir / "times.json").read_text())
    wall = sum(each["wall"] for each in times)
    record = json.loads((workdir / "run.json").read_text())
    assert record["seconds"]["train"] == pytest.approx(wall, abs=0.01)


@pytest.mark.slow
def test_kill_from_outside_as_checkpoints_appear(program, npz, undisturbed, tmp_path):
    workdir, flags = tmp_path / "work", small_run.flags(tmp_path / "work", npz=npz)
    for step in sorted(RANDOM.sample(SAVED, 2)):
        running, wait = start(program, flags, workdir)
        wait_for((workdir / "checkpoints" / f"step-{step}.index").exists)
        running.kill()
        assert wait().code == -9
        assert not (workdir / "results.json").exists()
    _, wait = start(program, flags, workdir)
    assert wait().code == 0
    same(workdir, undisturbed)


def test_finished_run_is_not_trained_again(program, npz, undisturbed, finished, tmp_path):
    steps = tmp_path / "steps"
    ended = program.run(*small_run.flags(finished, npz=npz), before=faults.steps_written(steps))
    assert ended.code == 0, ended.err
    assert not steps.exists()
    assert "clean %" in ended.out
    same(finished, undisturbed)


@pytest.mark.parametrize("damage", ["truncated", "overwritten", "without index"])
def test_damaged_newest_checkpoint_is_reported_and_the_one_before_used(
    program, npz, undisturbed, finished, tmp_path, damage
):
    newest, before, *_ = small_run.newest_first(finished / "checkpoints")
    assert (newest.name, before.name) == ("step-12", "step-9")
    data = newest.with_name(newest.name + ".data-00000-of-00001")
    if damage == "truncated":
        data.write_bytes(data.read_bytes()[:-1000])
    elif damage == "overwritten":
        content = bytearray(data.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 64] = bytes(64)
        data.write_bytes(content)
    else:
        newest.with_suffix(".index").write_bytes(b"no index")
    steps = tmp_path / "steps"
    ended = program.run(*small_run.flags(finished, npz=npz), before=faults.steps_written(steps))
    assert ended.code == 0, ended.err
    assert f"{newest} is damaged" in ended.err
    assert steps.read_text().split() == ["10", "11", "12"]
    same(finished, undisturbed)


@pytest.mark.parametrize("mode", ["evaluate", "export"])
def test_an_earlier_network_does_not_pass_for_the_last(program, npz, finished, mode):
    newest, *_ = small_run.newest_first(finished / "checkpoints")
    data = newest.with_name(newest.name + ".data-00000-of-00001")
    data.write_bytes(data.read_bytes()[:-1000])
    (finished / "results.json").unlink()
    ended = program.run(*small_run.flags(finished, npz=npz, mode=mode))
    assert ended.code == 2
    assert "last checkpoint of a finished training must be whole" in ended.err
    assert "of step 12 that cannot be read; the last whole one is of step 9" in ended.err
    assert not (finished / "results.json").exists()
    with pytest.raises(UserError, match="must be whole"):
        trained.load(finished)


@pytest.mark.parametrize("mode", ["train", "evaluate", "export"])
def test_without_a_whole_checkpoint_nothing_is_written_over(program, npz, finished, mode):
    for prefix in small_run.newest_first(finished / "checkpoints"):
        prefix.with_suffix(".index").write_bytes(b"no index")
    before = {name: (finished / name).read_bytes() for name in ("results.json", "history.json")}
    ended = program.run(*small_run.flags(finished, npz=npz, mode=mode))
    assert ended.code == 2
    assert "3 damaged checkpoints" in ended.err
    assert "Traceback" not in ended.err
    assert before == {name: (finished / name).read_bytes() for name in before}


@pytest.mark.slow
def test_full_disk_leaves_the_checkpoint_before_and_a_restart_goes_on(
    program, npz, undisturbed, tmp_path
):
    workdir, flags = tmp_path / "work", small_run.flags(tmp_path / "work", npz=npz)
    full = faults.disk_full(f"{CHECKPOINTS}.save", call=3, when="after", num_bytes=100_000)
    ended = program.run(*flags, before=full)
    assert ended.code == 2, ended
    assert "Traceback" not in ended.err
    assert "a run needs a work folder with room" in ended.err
    assert "Right would be" in ended.err
    assert str(workdir) in ended.err
    newest = small_run.newest_first(workdir / "checkpoints")[0]
    assert newest.name == "step-6"
    assert program.run(*flags).code == 0
    same(workdir, undisturbed)
    nothing_left_behind(workdir)


@pytest.mark.parametrize(
    ("target", "num_bytes"),
    [("fosc_tf.runs.modes:_export", 4000), ("fosc_tf.show.table:write", 1000)],
)
def test_full_disk_after_training_is_told_without_traceback(
    program, npz, finished, target, num_bytes
):
    (finished / "results.json").unlink()
    full = faults.disk_full(target, call=1, when="before", num_bytes=num_bytes)
    ended = program.run(*small_run.flags(finished, npz=npz), before=full)
    assert ended.code == 2, ended
    assert "Traceback" not in ended.err
    assert "Right would be" in ended.err
    assert (finished / "export" / "saved_model.pb").exists()


@pytest.mark.slow
def test_nan_stops_the_run_and_the_last_checkpoint_is_good(program, npz, tmp_path):
    workdir, flags = tmp_path / "work", small_run.flags(tmp_path / "work", npz=npz)
    ended = program.run(*flags, before=faults.nan_at(step=6))
    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert "loss is nan at step 6" in ended.err
    (newest, *_) = small_run.newest_first(workdir / "checkpoints")
    assert newest.name == "step-4"
    reader = tf.train.load_checkpoint(str(newest))
    for name, shape in reader.get_variable_to_shape_map().items():
        if name.startswith("network/") and shape:
            assert np.isfinite(reader.get_tensor(name)).all()


def test_huge_learning_rate_stops_the_run(program, npz, tmp_path):
    flags = small_run.flags(tmp_path / "work", npz=npz, optimizer__learning_rate=1e30)
    ended = program.run(*flags)
    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert "at step" in ended.err
    assert "learning rate" in ended.err
    assert not (tmp_path / "work" / "results.json").exists()


@pytest.mark.slow
def test_killed_run_with_memory_moved_weights_and_average_equals_the_uninterrupted_one(
    program, npz, tmp_path
):
    fields = {"perturbation__gamma": 0.02, "perturbation__from_epoch": 1}
    fields |= {"average__decay": 0.9, "average__from_epoch": 1}
    fields |= {"evaluation__attacks": "('clean',)", **small_run.NO_PICTURES}

    def flags(workdir):
        _, *others = small_run.flags(workdir, npz=npz, **fields)
        return ["--config=tests/runs/remembering.py", *others]

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    ended = program.run(*flags(whole))
    assert ended.code == 0, ended.err
    guard = "fosc_tf.callbacks.nan_guard:NanGuard.on_train_batch_end"
    for call in (6, 1):  # as step 6 is done; then as step 5 is done again
        _, wait = start(
            program, flags(killed), killed, faults.killed(guard, call=call, when="after")
        )
        assert wait().code == -9
    _, wait = start(program, flags(killed), killed)
    ended = wait()
    assert ended.code == 0, ended.err
    names = small_run.outcome(whole)
    for part in ("memory", "average"):
        assert any(f"/{part}/" in name for name in names), sorted(names)
    same(killed, whole)
