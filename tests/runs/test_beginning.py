"""What is known of a training before its first step: what trained weights withstand."""

import pytest

from configs import digits_fast
from fosc_tf import build
from fosc_tf.evaluation import white_box
from fosc_tf.runs import training
from tests import small_run
from tests.test_build import changed

FIELDS = {
    "data__batch_size": 8,
    "data__held_out": small_run.HELD_OUT,
    "model__name": "digits_mlp",
    "defense__epsilon": 0.05,
    "defense__step_size": 0.06,
    "evaluation__epsilon": 0.05,
    "total_epochs": 1,
    "log__images": 0,
    "log__gradient_images": 0,
}


@pytest.fixture(scope="module")
def begun(npz, undisturbed):
    fields = FIELDS | {"data__npz": str(npz), "model__weights": str(undisturbed)}
    return changed(digits_fast.get_config(), **fields)


def measured(config, finished=False):
    return training._beginning(build.build(config), finished=finished).measured


def test_the_monitor_judges_the_first_epoch_by_what_trained_weights_withstand(
    begun, tmp_path, monkeypatch
):
    experiment, given = build.build(begun), []
    clean, robust = white_box(
        experiment.trainer.network,
        experiment.held_out_batches(),
        epsilon=0.05,
        attacks=("clean", "pgd-10"),
        seed=begun.seed,
    )
    expected = {"held_out_clean": clean["accuracy"], "held_out_robust": robust["accuracy"]}
    assert 0 < robust["accuracy"] < 1
    monitor = training.callbacks.CollapseMonitor
    monkeypatch.setattr(
        training.callbacks,
        "CollapseMonitor",
        lambda *args, **known: given.append(known["before"]) or monitor(*args, **known),
    )
    training.fit(experiment, tmp_path, tmp_path / "checkpoints")
    assert given == [expected]
    assert measured(begun) == expected  # of a resumed one too: it is built before it is restored


@pytest.mark.parametrize("fields", [{"model__weights": ""}, {"monitor__action": "off"}])
def test_nothing_is_measured_that_nobody_judges_by(begun, fields):
    assert measured(changed(begun.copy_and_resolve_references(), **fields)) is None


def test_nothing_is_measured_of_a_finished_run(begun):
    assert measured(begun, finished=True) is None
