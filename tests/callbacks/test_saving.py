"""When checkpoints are made, which network counts as the best, and what a resumed epoch keeps."""

import json

import keras
import pytest

from fosc_tf import AdversarialTrainer, defenses
from fosc_tf.callbacks import NanGuard, NotFinite, Saving
from fosc_tf.training.checkpoints import Checkpoints
from fosc_tf.training.ledger import Ledger
from fosc_tf.training.stopwatch import Seconds, Stopwatch
from tests.callbacks.stand_in import linear

STEPS = 4  # of an epoch


class Run:
    """A trainer whose steps only count, with what saves it."""

    def __init__(self, folder, every_steps=0, keep=3):
        self.folder = folder
        self.trainer = AdversarialTrainer(linear(), defenses.get("standard", epsilon=0.1))
        self.trainer.compile(optimizer=keras.optimizers.SGD(0.1))
        self.trainer.optimizer.build(self.trainer.network.trainable_variables)
        self.ledger, guard = Ledger(), NanGuard()
        self.checkpoints = Checkpoints(folder / "checkpoints", self.trainer, self.ledger, keep)
        self.resumed = self.checkpoints.restore()
        self.saving = Saving(
            self.checkpoints,
            self.ledger,
            guard,
            steps_per_epoch=STEPS,
            every_steps=every_steps,
            history=folder / "history.json",
        )
        for callback in (guard, self.saving):
            callback.set_model(self.trainer)

    def steps(self, number):
        for _ in range(number):
            self.trainer.batches_seen.assign_add(1)
            self.saving.on_train_batch_end(0, {})

    def epochs(self, *robust, first=0):
        for epoch, value in enumerate(robust, first):
            self.saving.on_epoch_begin(epoch)
            self.steps(STEPS)
            # The weight tells afterwards from which epoch a network is.
            self.trainer.network.trainable_variables[0].assign([[epoch] * 3] * 4)
            self.saving.on_epoch_end(epoch, {} if value is None else {"held_out_robust": value})

    @property
    def saved(self):
        """Steps of the checkpoints that are there."""
        return self._steps(self.folder / "checkpoints")

    @property
    def best(self):
        """Steps of the best network that is there."""
        return self._steps(self.folder / "checkpoints" / "best")

    @staticmethod
    def _steps(folder):
        return sorted(int(path.stem.split("-")[1]) for path in folder.glob("step-*.index"))


@pytest.mark.parametrize(
    ("every_steps", "expected"),
    [(0, [4, 8, 12]), (3, [3, 4, 6, 8, 9, 12]), (1, [*range(1, 13)]), (4, [4, 8, 12])],
)
def test_checkpoints_every_so_many_steps_and_at_the_ends_of_epochs(tmp_path, every_steps, expected):
    run = Run(tmp_path, every_steps, keep=99)
    run.epochs(0.1, 0.2, 0.3)
    assert run.saved == expected


def test_last_are_kept_and_the_best_beside_them(tmp_path):
    run = Run(tmp_path, keep=2)
    run.epochs(0.9, 0.1, 0.2, 0.3)
    assert run.saved == [12, 16]
    assert run.best == [4]


@pytest.mark.parametrize(
    ("robust", "best"),
    [
        ([0.1, 0.3, 0.2], 1),
        ([0.3, 0.3, 0.3], 0),
        ([0.0, 0.0], 0),
        ([None, 0.2, None, 0.3], 3),
        ([0.1, 0.2, 0.3], 2),
    ],
)
def test_best_is_the_highest_held_out_accuracy_and_the_earliest_of_equals(tmp_path, robust, best):
    run = Run(tmp_path)
    run.epochs(*robust)
    assert run.ledger.best == {"epoch": best, "held_out_robust": robust[best]}
    assert run.best == [STEPS * (best + 1)]


def test_without_held_out_examples_there_is_no_best(tmp_path):
    run = Run(tmp_path)
    run.epochs(None, None)
    assert run.ledger.best is None
    assert run.best == []
    assert run.saved == [4, 8]


def test_resumed_run_knows_the_best_of_before(tmp_path):
    Run(tmp_path).epochs(0.4, 0.2)
    run = Run(tmp_path)
    assert run.resumed
    run.epochs(0.3, 0.4, first=2)
    assert run.ledger.best["epoch"] == 0
    assert run.best == [4]
    assert [row["epoch"] for row in run.ledger.rows] == [0, 1, 2, 3]


def test_history_holds_every_epoch(tmp_path):
    Run(tmp_path).epochs(0.4, 0.2)
    rows = json.loads((tmp_path / "history.json").read_text())
    assert rows == [
        {"epoch": 0, "held_out_robust": 0.4},
        {"epoch": 1, "held_out_robust": 0.2},
    ]


def test_times_of_each_epoch_go_on_where_a_run_was_saved(tmp_path, monkeypatch):
    # Each look at a clock is a second of the wall and two of the process later.
    class Clock:
        wall, cpu = 0.0, 0.0

        def __call__(self):
            self.wall, self.cpu = self.wall + 1.0, self.cpu + 2.0
            return Seconds(self.wall, self.cpu)

    monkeypatch.setattr(Stopwatch, "_now", Clock())
    run = Run(tmp_path, every_steps=2)
    run.epochs(0.1)  # a lap within the epoch, and one at its end
    run.saving.on_epoch_begin(1)
    run.steps(3)  # saved after two
    run = Run(tmp_path, every_steps=2)
    run.saving.on_epoch_begin(1)
    run.steps(2)  # two seconds of the wall are with the weights: one of before, one of now
    run.saving.on_epoch_end(1, {})
    times = json.loads((tmp_path / "times.json").read_text())
    assert times == [
        {"epoch": 0, "wall": 2.0, "cpu": 4.0},
        {"epoch": 1, "wall": 2.0, "cpu": 4.0},
    ]


def test_history_is_written_before_the_checkpoint_that_ends_the_epoch(tmp_path, monkeypatch):
    # Killed between the two in the last epoch, a run would start again with nothing left to do.
    run = Run(tmp_path)
    monkeypatch.setattr(run.checkpoints, "save", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run.epochs(0.4)
    assert len(json.loads((tmp_path / "history.json").read_text())) == 1


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    run = Run(tmp_path, every_steps=1)
    run.epochs(0.5)
    kernel = run.trainer.network.trainable_variables[0]
    kernel.assign(kernel * float("nan"))
    with pytest.raises(NotFinite, match="at step 5"):
        run.steps(1)
    with pytest.raises(NotFinite, match="at step 5"):
        run.saving.on_epoch_end(1, {"held_out_robust": 0.9})
    assert run.saved == [2, 3, 4]
    assert run.best == [4]
    assert len(json.loads((tmp_path / "history.json").read_text())) == 1


def test_running_means_of_an_epoch_gone_on_with_are_put_back(tmp_path):
    run = Run(tmp_path, every_steps=2)
    loss = run.trainer.metrics[0]
    run.saving.on_epoch_begin(0)
    loss.update_state([1.0, 3.0])
    run.steps(2)

    run = Run(tmp_path)
    loss = run.trainer.metrics[0]
    loss.reset_state()  # as Keras does before it calls on_epoch_begin
    run.saving.on_epoch_begin(0)
    assert float(loss.result()) == 2.0
    # The next epoch starts anew.
    run.steps(2)
    run.saving.on_epoch_end(0, {})
    loss.reset_state()
    run.saving.on_epoch_begin(1)
    assert float(loss.result()) == 0.0


def test_whole_epochs_start_with_running_means_of_zero(tmp_path):
    run = Run(tmp_path)
    run.saving.on_epoch_begin(0)
    run.trainer.metrics[0].update_state([5.0])
    run.steps(STEPS)
    run.saving.on_epoch_end(0, {})

    run = Run(tmp_path)
    run.trainer.metrics[0].reset_state()
    run.saving.on_epoch_begin(1)
    assert float(run.trainer.metrics[0].result()) == 0.0
