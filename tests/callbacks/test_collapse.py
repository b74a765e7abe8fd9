"""Catastrophic overfitting: what is one, and what going back leaves as it was."""

import dataclasses

import keras
import numpy as np
import pytest

from fosc_tf import AdversarialTrainer, defenses
from fosc_tf.callbacks import CollapseMonitor
from fosc_tf.callbacks.collapse import has_collapsed
from fosc_tf.defenses.relief import with_relief
from fosc_tf.training import CoupledSGD, WeightAverage
from fosc_tf.training.checkpoints import Checkpoints, Good
from fosc_tf.training.ledger import Ledger
from tests.attacks.toys import assert_same, images, labels, mlp
from tests.data.three_parts import refused

SIZE, STEPS = 8, 2
DATA = images(SIZE * STEPS), labels(SIZE * STEPS)


def rows(*pairs):
    return [{"accuracy": a, "held_out_robust": r} for a, r in pairs]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([(0.4, 0.3)], False),  # nothing to compare with
        ([(0.4, 0.3), (0.9, 0.0)], True),
        ([(0.4, 0.3), (0.5, 0.35), (0.48, 0.2)], True),  # the best, not the one before
        ([(0.4, 0.3), (0.45, 0.24)], False),  # a fifth less
        ([(0.4, 0.3), (0.1, 0.1)], False),  # both fall: diverged, or another attack
        ([(0.4, 0.04), (0.9, 0.012)], False),  # within three errors of 500 images
        ([(0.9, 0.0), (0.95, 0.0)], False),  # never was robust
    ],
)
def test_by_hand(pairs, expected):
    assert has_collapsed(rows(*pairs), examples=500) == expected


@pytest.mark.parametrize(
    ("clean", "expected"),
    [
        ((0.8, 0.8), True),
        ((0.4, 0.9), True),
        ((0.8, 0.56), False),  # 0.5 of 0.8 were withstood, 0.35 of 0.56 are
        ((0.8, 0.54), False),
        ((0.8, 0.6), False),  # 0.625 and 0.583
        ((0.8, 0.75), True),  # 0.625 and 0.467
        ((0.0, 0.8), True),  # nothing to compare with
        ((0.8, None), True),
    ],
)
def test_a_network_that_is_worse_as_a_whole_has_not_collapsed(clean, expected):
    history = rows((0.5, 0.5), (0.5, 0.35))
    for row, accuracy in zip(history, clean, strict=True):
        row["held_out_clean"] = accuracy
    assert has_collapsed(history, examples=500) == expected


def test_a_collapsed_epoch_is_never_the_best_and_one_without_measure_tells_nothing():
    history = rows((0.4, 0.3), (0.9, 0.0), (0.9, 0.1))
    history[1]["collapsed"] = 1.0
    assert has_collapsed(history, examples=500)
    assert not has_collapsed([*history, {"accuracy": 0.9}], examples=500)


class Says(keras.callbacks.Callback):
    """Stands for `HeldOut`: the robust accuracies are given; notes what the trainer was."""

    adds = {"held_out_robust": "up", "held_out_clean": "up"}

    def __init__(self, robust):
        super().__init__()
        self.robust, self.seen = robust, []

    def on_epoch_end(self, epoch, logs=None):
        logs["held_out_robust"], logs["accuracy"] = self.robust[epoch], 0.5
        self.seen.append(values(self.model))


def values(trainer):
    return {
        part: [np.array(variable) for variable in trainer.state[part]]
        for part in ("network", "optimizer", "average")
    }


def made(defense=None):
    defense = defense or with_relief(defenses.get("fast", epsilon=0.2))
    defense = dataclasses.replace(defense, average=WeightAverage(0.9))
    trainer = AdversarialTrainer(mlp(gain=2.0), defense)
    trainer.compile(optimizer=CoupledSGD(0.1, momentum=0.9))
    trainer.optimizer.build(trainer.network.trainable_variables)
    return trainer


def fitted(trainer, robust, monitor, **options):
    says = Says(robust)
    settings = {"epochs": len(robust), "batch_size": SIZE, "verbose": 0, "shuffle": False}
    history = trainer.fit(*DATA, **settings | options, callbacks=[says, monitor]).history
    return says.seen, history


def test_goes_back_to_the_last_good_epoch_and_on_with_a_stronger_attack(caplog):
    trainer = made()
    seen, history = fitted(trainer, [0.5, 0.5, 0.0], CollapseMonitor(500, action="go_back"))
    assert history["collapsed"] == [0.0, 0.0, 1.0]
    after, good = values(trainer), seen[1]
    for part in ("network", "average"):
        assert_same(after[part], good[part])
    iterations = int(trainer.optimizer.iterations.numpy())
    assert (iterations, trainer.step) == (3 * STEPS, 3 * STEPS)
    changed = [np.any(a != b) for a, b in zip(after["optimizer"], good["optimizer"], strict=True)]
    assert sum(changed) == 1  # the count alone
    assert "epoch 3" in caplog.text
    assert "0.000, at the images trained on 0.500" in caplog.text
    _, history = fitted(trainer, [0.5], CollapseMonitor(500, action="go_back"))
    assert history["gradients"] == [2]


def test_warns_and_changes_nothing(caplog):
    trainer, twin = made(), made()
    seen, history = fitted(trainer, [0.5, 0.0, 0.0], CollapseMonitor(500))
    assert history["collapsed"] == [0.0, 1.0, 1.0]
    assert_same(values(trainer)["network"], seen[-1]["network"])
    assert "catastrophic overfitting in epoch 2" in caplog.text
    fitted(twin, [0.5, 0.5, 0.5], CollapseMonitor(500))
    assert_same(values(twin)["network"], values(trainer)["network"])


def test_resumed_is_uninterrupted(tmp_path):
    """The good state is in the folder, the count of reliefs in the checkpoint."""
    robust = [0.5, 0.0, 0.4, 0.0]

    def run(folder, until, rows=()):
        trainer = made()
        checkpoints = Checkpoints(folder, trainer, Ledger(), keep=1)
        checkpoints.restore()
        monitor = CollapseMonitor(
            500, action="go_back", rows=rows, kept=Good(folder / "good", trainer)
        )
        begin = trainer.step // STEPS
        _, history = fitted(trainer, robust[:until], monitor, epochs=until, initial_epoch=begin)
        checkpoints.save()
        lines = [
            dict(zip(history, row, strict=True)) for row in zip(*history.values(), strict=True)
        ]
        return trainer, lines

    whole, _ = run(tmp_path / "whole", 4)
    _, before = run(tmp_path / "cut", 2)
    resumed, after = run(tmp_path / "cut", 4, before)
    assert [row["collapsed"] for row in before + after] == [0, 1, 0, 1]
    assert int(resumed.defense.relief.count.numpy()) == 2
    for part, expected in values(whole).items():
        assert_same(values(resumed)[part], expected)


@pytest.mark.parametrize("on_disk", [False, True])
def test_a_run_that_only_warned_has_where_to_go_back_to(on_disk, tmp_path):
    """Its earlier epochs are known, their weights are not: the last ones are taken."""
    trainer = made()
    begun = values(trainer)["network"]
    monitor = CollapseMonitor(
        500,
        action="go_back",
        rows=rows((0.4, 0.5)),
        kept=Good(tmp_path / "good", trainer) if on_disk else None,
    )
    _, history = fitted(trainer, [0.0], monitor)
    assert history["collapsed"] == [1.0]
    assert_same(values(trainer)["network"], begun)


def test_the_first_epoch_is_judged_by_what_trained_weights_withstood():
    trainer = made()
    begun = values(trainer)["network"]
    before = {"held_out_clean": 0.9, "held_out_robust": 0.5}
    monitor = CollapseMonitor(500, action="go_back", before=before)
    _, history = fitted(trainer, [0.0], monitor)
    assert history["collapsed"] == [1.0]
    assert_same(values(trainer)["network"], begun)


@pytest.mark.parametrize("robust", [None, 0.0, 0.05, 0.6])
def test_the_first_epoch_is_no_collapse(robust):
    """Nothing is known, nothing was withstood, or both accuracies have fallen (0.6 to 0.5)."""
    before = None if robust is None else {"held_out_clean": 0.9, "held_out_robust": robust}
    _, history = fitted(made(), [0.02], CollapseMonitor(500, before=before))
    assert history["collapsed"] == [0.0]


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: CollapseMonitor(0), "examples must be a whole number >= 1"),
        (lambda: CollapseMonitor(10, fall=1.0), "fall must lie in its range (0, 1)"),
        (lambda: CollapseMonitor(10, action="off"), "action of the monitor"),
        (
            lambda: fitted(
                made(defenses.get("fast", epsilon=0.2)),
                [0.5],
                CollapseMonitor(10, action="go_back"),
            ),
            "must be able to make the training attack stronger",
        ),
    ],
)
def test_mistakes(call, rule):
    refused(call, rule=rule, right="", received="")
