"""A checkpoint holds everything, is whole or not at all, and a damaged one is passed over."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fosc_tf import AdversarialTrainer, defenses
from fosc_tf.errors import UserError
from fosc_tf.training import checkpoints as module
from fosc_tf.training.checkpoints import Checkpoints, restore_last, step_of_last
from fosc_tf.training.ledger import Ledger
from tests.callbacks.stand_in import linear


class Run:
    """A trainer with momentum, running means and a defense that has state, and its checkpoints."""

    def __init__(self, folder, keep=3, fosc_every=10):
        defense = defenses.get("dynamic", epsilon=0.1, steps_per_epoch=4, c_max="auto")
        self.trainer = AdversarialTrainer(linear(), defense, fosc_every=fosc_every)
        self.trainer.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9))
        self.trainer.optimizer.build(self.trainer.network.trainable_variables)
        self.ledger = Ledger()
        self.checkpoints = Checkpoints(folder, self.trainer, self.ledger, keep)

    @property
    def variables(self):
        trainer = self.trainer
        means = [variable for metric in trainer.metrics for variable in metric.variables]
        return [
            *(trainer.network.variables + trainer.optimizer.variables + means),
            *trainer.defense_state,
        ]

    def fill(self, value):
        """Gives every variable values of its own, derived from `value`."""
        for number, variable in enumerate(self.variables):
            variable.assign(np.full(variable.shape, value + number).astype(variable.dtype))
        self.trainer.batches_seen.assign(value)
        self.ledger.rows = [{"epoch": value}]

    @property
    def values(self):
        return [variable.numpy().tolist() for variable in self.variables]

    def save(self, *steps):
        for step in steps:
            self.fill(step)
            self.checkpoints.save()


@pytest.fixture
def messages(monkeypatch):
    """What is logged as an error."""
    found = []
    monkeypatch.setattr(module.logging, "error", lambda text, *words: found.append(text % words))
    return found


def names(folder):
    return sorted(path.name for path in folder.glob("step-*.index"))


def truncate(folder, step):
    (data,) = folder.glob(f"step-{step}.data*")
    data.write_bytes(data.read_bytes()[:-40])


def test_everything_comes_back(tmp_path):
    run = Run(tmp_path)
    run.save(100)
    expected = run.values
    assert len(expected) > 10
    fresh = Run(tmp_path)
    assert fresh.values != expected
    assert fresh.checkpoints.restore()
    assert fresh.values == expected
    assert fresh.ledger.rows == [{"epoch": 100}]


def test_nothing_to_restore(tmp_path):
    run = Run(tmp_path / "none")
    before = run.values
    assert not run.checkpoints.restore()
    np.testing.assert_equal(run.values, before)
    assert step_of_last(tmp_path / "none") == 0
    assert restore_last(tmp_path / "none", linear()) == 0
    assert restore_last(tmp_path / "none", linear()) == 0


@pytest.mark.parametrize("keep", [1, 2, 5])
def test_last_are_kept(tmp_path, keep):
    Run(tmp_path, keep).save(7, 8, 9, 10)
    expected = [f"step-{step}.index" for step in (7, 8, 9, 10)][-keep:]
    assert names(tmp_path) == sorted(expected)


def test_keeping_goes_on_after_a_restart(tmp_path):
    Run(tmp_path, keep=2).save(1, 2)
    run = Run(tmp_path, keep=2)
    run.checkpoints.restore()
    run.save(3)
    assert names(tmp_path) == ["step-2.index", "step-3.index"]


def test_steps_are_ordered_as_numbers(tmp_path):
    run = Run(tmp_path)
    run.save(9, 10)
    assert step_of_last(tmp_path) == 10
    fresh = Run(tmp_path)
    fresh.checkpoints.restore()
    assert fresh.trainer.step == 10


@pytest.mark.parametrize(("before", "after"), [(0, 10), (10, 0)])
def test_a_run_goes_on_with_fosc_measured_or_not(tmp_path, messages, before, after):
    def running(run):
        return {metric.name: metric.variables[0].numpy() for metric in run.trainer.metrics}

    run = Run(tmp_path, fosc_every=before)
    run.save(100)
    expected = running(run)
    assert ("fosc" in expected) == (before > 0)
    fresh = Run(tmp_path, fosc_every=after)
    assert fresh.checkpoints.restore()
    assert messages == []
    received = running(fresh)
    assert ("fosc" in received) == (after > 0)
    expected.setdefault("fosc", 0.0)  # of a mean that was kept all the time, of nothing
    assert received == {name: expected[name] for name in received}


@pytest.mark.parametrize("damage", ["truncated", "index", "no data", "bytes"])
def test_damaged_newest_is_reported_and_the_one_before_used(tmp_path, messages, damage):
    run = Run(tmp_path)
    run.save(1)
    expected = run.values
    run.save(2)
    (data,) = tmp_path.glob("step-2.data*")
    if damage == "truncated":
        truncate(tmp_path, 2)
    elif damage == "index":
        (tmp_path / "step-2.index").write_bytes(b"")
    elif damage == "no data":
        data.unlink()
    else:
        data.write_bytes(bytes(len(data.read_bytes())))
    fresh = Run(tmp_path)
    assert fresh.checkpoints.restore()
    assert fresh.values == expected
    assert fresh.ledger.rows == [{"epoch": 1}]
    assert [f"{tmp_path / 'step-2'} is damaged" in message for message in messages] == [True]


def test_all_damaged(tmp_path, messages):
    Run(tmp_path).save(1, 2, 3)
    for step in (1, 2, 3):
        truncate(tmp_path, step)
    with pytest.raises(UserError, match="3 damaged checkpoints in"):
        Run(tmp_path).checkpoints.restore()
    assert len(messages) == 3
    assert names(tmp_path) == ["step-1.index", "step-2.index", "step-3.index"]


def test_checkpoint_of_another_network_does_not_pass_for_one(tmp_path, messages):
    Run(tmp_path).save(1)
    image = keras.Input((2, 2, 1))
    other = keras.Model(image, keras.layers.Dense(5)(keras.layers.Flatten()(image)))
    assert restore_last(tmp_path, other) == 0
    assert len(messages) == 1


def test_last_and_best_network(tmp_path):
    run = Run(tmp_path)
    run.fill(5)
    run.checkpoints.save_best()
    run.save(5, 6)
    network = linear()
    assert restore_last(tmp_path, network) == 6
    assert float(network.layers[-1].kernel.numpy()[0, 0]) == 6
    assert restore_last(tmp_path / "best", network) == 5
    assert float(network.layers[-1].kernel.numpy()[0, 0]) == 5


def test_newer_best_replaces_the_one_before(tmp_path):
    run = Run(tmp_path)
    for step in (5, 9):
        run.fill(step)
        run.checkpoints.save_best()
    assert names(tmp_path / "best") == ["step-9.index"]


def test_last_network_of_a_damaged_newest_is_the_one_before(tmp_path, messages):
    Run(tmp_path).save(1, 2)
    truncate(tmp_path, 2)
    assert restore_last(tmp_path, linear()) == 1
    assert len(messages) == 1


def test_leftovers_of_a_killed_save_go_with_the_next(tmp_path):
    Run(tmp_path, keep=2).save(1, 2)
    # Whole, but the run died before it stood in TensorFlow's list; and one half written.
    for file in list(tmp_path.glob("step-2.*")):
        (tmp_path / file.name.replace("step-2", "step-3")).write_bytes(file.read_bytes())
    (tmp_path / "step-4_temp").mkdir()
    (tmp_path / "step-4_temp" / "part-0").write_bytes(b"half")
    run = Run(tmp_path, keep=2)
    assert run.checkpoints.restore()
    run.save(5)
    assert {path.name.partition(".")[0] for path in tmp_path.glob("step-*")} == {"step-2", "step-5"}


@pytest.mark.parametrize(
    "error",
    [
        tf.errors.ResourceExhaustedError(None, None, "No space left on device\nmore"),
        tf.errors.UnknownError(None, None, "File too large"),
        OSError(28, "No space left on device"),
    ],
)
def test_disk_full(tmp_path, monkeypatch, error):
    run = Run(tmp_path)
    run.save(1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def fails(*arguments, **options):
        raise error

    monkeypatch.setattr(tf.train.CheckpointManager, "save", fails)
    for save in (run.checkpoints.save, run.checkpoints.save_best):
        with pytest.raises(UserError, match="work folder with room") as caught:
            save()
        assert str(tmp_path) in caught.value.received
        assert "\n" not in caught.value.received
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
